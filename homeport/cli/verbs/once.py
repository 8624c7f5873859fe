"""`homeport once`."""

from typing import Annotated

import typer

from homeport.cli.options import StackName

EXAMPLES = """
homeport once --stack preprod                       up and down again: does it come up from nothing?
homeport once --stack preprod sh -c 'make smoke'    the same, with tests in between; their exit code is the command's
"""
SETTINGS = {"allow_extra_args": True, "ignore_unknown_options": True, "allow_interspersed_args": False}


def command(
    words: Annotated[list[str] | None, typer.Argument(metavar="COMMAND", help="What is run while it is up")] = None,
    stack: StackName = "preprod",
) -> None:
    """Rent a stack's servers for one command, and give them back with all that is on them, whatever came of it."""
    from homeport.cli import once

    raise typer.Exit(once.once(stack, words or ()))
