"""`homeport verify`."""

import typer

from homeport.cli.options import Authority, Inside, Json, Report, StackName

EXAMPLES = """
homeport verify                                what dev is on this machine
homeport verify --stack prod                   ports, names, certificates, and every container over SSH
homeport verify --stack prod --inside          from a member of the mesh or VPN, whatever this machine seems to be
homeport verify --json | jq '.checks[] | select(.outcome != "ok")'
"""
KEYS = ("stack", "from", "ok", "checks", "requirements")


def command(
    stack: StackName = "dev",
    inside: Inside = None,
    authority: Authority = None,
    json: Json = False,
    report: Report = None,
) -> None:
    """Compare what is up with its description, changing nothing: addresses, certificates, DNS, ports, containers."""
    from homeport.cli.stack import read
    from homeport.cli.verify import verify

    raise typer.Exit(verify(read(stack), inside=inside, authority=authority, json=json, report=report))
