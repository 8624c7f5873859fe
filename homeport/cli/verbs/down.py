"""`homeport down`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName, Yes

EXAMPLES = """
homeport down                                  dev, with all its data; asks once
homeport down --stack prod --keep-data         prod, but its data and the server that it is on
homeport down --stack prod --delete-data prod  prod, all of it
"""
KEYS = ("stack", "removed", "kept")

Keep = Annotated[bool, typer.Option("--keep-data", help="What is protected stays: data volumes, and their server")]
Delete = Annotated[str, typer.Option("--delete-data", metavar="STACK", help="What is protected goes too")]


def command(
    stack: StackName = "dev", yes: Yes = False, json: Json = False, keep_data: Keep = False, delete_data: Delete = ""
) -> None:
    """Remove the stack: pulumi destroy, then a check that nothing is left. In dev that is all data too."""
    from homeport.cli.lifecycle import down
    from homeport.cli.stack import read

    raise typer.Exit(down(read(stack), yes=yes, json=json, keep_data=keep_data, delete_data=delete_data))
