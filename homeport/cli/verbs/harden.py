"""`homeport harden`."""

from enum import StrEnum
from typing import Annotated

import typer

from homeport.cli.options import StackName, Yes

EXAMPLES = """
homeport harden --reach mesh --port 804 --stack prod    the port moves, then SSH closes to all but the mesh
homeport harden --reach vpn --stack prod                SSH closes to all but the VPN
"""


class Reach(StrEnum):
    """Whose members may use SSH in the end."""

    mesh = "mesh"
    vpn = "vpn"


def command(
    *,
    stack: StackName = "dev",
    reach: Annotated[Reach, typer.Option("--reach", help="Whose members may use SSH in the end")] = Reach.mesh,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Where sshd is to listen; 0: where it does")
    ] = 0,
    yes: Yes = False,
) -> None:
    """Move SSH to another port and close it to the internet, each step proved before the way before it closes."""
    from homeport.cli import hardening

    raise typer.Exit(hardening.harden(stack, reach=reach.value, port=port or None, yes=yes))
