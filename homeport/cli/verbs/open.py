"""`homeport open`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport open                        all addresses
homeport open SERVICE --stack prod   that service in the browser
"""
KEYS = ("stack", "addresses")


def command(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="Whose address")] = "",
    stack: StackName = "dev",
    json: Json = False,
) -> None:
    """Open a service in the browser, or list the stack's addresses."""
    from homeport.cli import pulumi_cli, signing_in
    from homeport.cli.stack import read

    raise typer.Exit(signing_in.open_address(pulumi_cli.prepared(read(stack)), service, json=json))
