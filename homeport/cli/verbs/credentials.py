"""`homeport credentials`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport credentials                       addresses alone
homeport credentials --show                passwords and keys too
homeport credentials --only NAME           one value and nothing else, for a script
"""
KEYS = ("stack", "addresses", "credentials")


def command(
    stack: StackName = "dev",
    show: Annotated[bool, typer.Option("--show", help="Show the values")] = False,
    only: Annotated[str, typer.Option("--only", metavar="NAME", help="Print one value and nothing else")] = "",
    json: Json = False,
) -> None:
    """Show where to sign in and, only when asked, the stack's passwords and keys."""
    from homeport.cli import credentials, pulumi_cli
    from homeport.cli.stack import read

    pulumi = pulumi_cli.prepared(read(stack))
    raise typer.Exit(credentials.print_one(pulumi, only) if only else credentials.show(pulumi, values=show, json=json))
