"""`homeport smoke`."""

import typer

from homeport.cli.options import Authority, Inside, Json, Report, StackName

EXAMPLES = """
homeport smoke                                what dev answers on this machine
homeport smoke --stack prod                   as a member of mesh or VPN where this machine is one, else as a stranger
homeport smoke --stack prod --outside         as a stranger: what is for members must refuse, or be silent
homeport smoke --stack prod --report out.json for a workflow, which fails by the exit code
"""
KEYS = ("stack", "from", "ok", "checks")


def command(
    stack: StackName = "dev",
    inside: Inside = None,
    authority: Authority = None,
    json: Json = False,
    report: Report = None,
) -> None:
    """Ask every address once, without a key; exit code 1 when one does not answer as its route declares."""
    from homeport.cli.smoke import smoke
    from homeport.cli.stack import read

    raise typer.Exit(smoke(read(stack), inside=inside, authority=authority, json=json, report=report))
