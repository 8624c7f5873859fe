"""`homeport smoke`."""

import typer

from homeport.cli.options import Authority, Inside, Json, Report, StackName

EXAMPLES = """
homeport smoke                                what dev answers on this machine
homeport smoke --stack prod                   from outside: what is for members must refuse, or be silent
homeport smoke --stack prod --inside          from a member of the mesh or VPN
homeport smoke --stack prod --report out.json for a workflow, which fails by the exit code
"""
KEYS = ("stack", "from", "ok", "checks")


def command(
    stack: StackName = "dev",
    inside: Inside = False,
    authority: Authority = None,
    json: Json = False,
    report: Report = None,
) -> None:
    """Ask every address once, without a key; exit code 1 when one does not answer as its route declares."""
    from homeport.cli.smoke import smoke
    from homeport.cli.stack import read

    raise typer.Exit(smoke(read(stack), inside=inside, authority=authority, json=json, report=report))
