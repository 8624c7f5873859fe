"""`homeport docs`."""

from typing import Annotated

import typer

EXAMPLES = """
homeport docs
homeport docs --check
"""


def command(check: Annotated[bool, typer.Option("--check", help="Only say which are out of date")] = False) -> None:
    """Write the generated pages below docs/."""
    from homeport.cli.docs import write

    raise typer.Exit(write(only_check=check))
