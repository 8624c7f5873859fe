"""`homeport verify`."""

from pathlib import Path
from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport verify                                what dev is on this machine
homeport verify --stack prod                   from outside: ports, names, certificates, and every container over SSH
homeport verify --stack prod --inside          from a member of the mesh or VPN
homeport verify --json | jq '.checks[] | select(.outcome != "ok")'
"""
KEYS = ("stack", "from", "ok", "checks", "requirements")


def command(
    stack: StackName = "dev",
    inside: Annotated[bool, typer.Option("--inside", help="This machine is in the mesh or VPN")] = False,
    authority: Annotated[
        Path | None, typer.Option("--authority", metavar="FILE", help="One more certificate authority to believe")
    ] = None,
    json: Json = False,
    report: Annotated[Path | None, typer.Option("--report", metavar="FILE", help="Write the same as JSON")] = None,
) -> None:
    """Compare what is up with its description, changing nothing: addresses, certificates, DNS, ports, containers."""
    from homeport.cli.stack import read
    from homeport.cli.verify import verify

    raise typer.Exit(verify(read(stack), inside=inside, authority=authority, json=json, report=report))
