"""`homeport smoke`."""

from pathlib import Path
from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport smoke                                what dev answers on this machine
homeport smoke --stack prod                   from outside: what is for members must refuse, or be silent
homeport smoke --stack prod --inside          from a member of the mesh or VPN
homeport smoke --stack prod --report out.json for a workflow, which fails by the exit code
"""
KEYS = ("stack", "from", "ok", "checks")


def command(
    stack: StackName = "dev",
    inside: Annotated[bool, typer.Option("--inside", help="This machine is in the mesh or VPN")] = False,
    authority: Annotated[
        Path | None, typer.Option("--authority", metavar="FILE", help="One more certificate authority to believe")
    ] = None,
    json: Json = False,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the same as JSON")] = None,
) -> None:
    """Ask every address once, without a key; exit code 1 when one does not answer as its route declares."""
    from homeport.cli.smoke import smoke
    from homeport.cli.stack import read

    raise typer.Exit(smoke(read(stack), inside=inside, authority=authority, json=json, report=report))
