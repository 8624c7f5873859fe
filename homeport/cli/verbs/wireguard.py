"""`homeport wireguard`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport wireguard --stack prod                        who is in the VPN
homeport wireguard laptop --stack prod                 its file, and a QR code for the phone's app
homeport wireguard laptop --stack prod --to wg.conf    the file, for this user alone
"""
KEYS = ("stack", "members", "config")


def command(
    member: Annotated[str, typer.Argument(metavar="MEMBER", help="A device of homeport:settings.wireguard.peers")] = "",
    stack: StackName = "dev",
    to: Annotated[str, typer.Option("--to", metavar="FILE", help="Write the file instead of showing it")] = "",
    no_code: Annotated[bool, typer.Option("--no-code", help="Show no QR code")] = False,
    json: Json = False,
) -> None:
    """Show the WireGuard file of a member of the VPN, as text and as a QR code."""
    from homeport.cli import pulumi_cli, signing_in
    from homeport.cli.stack import read

    pulumi = pulumi_cli.prepared(read(stack))
    raise typer.Exit(signing_in.member(pulumi, member, to=to, code=not no_code, json=json))
