"""`homeport requirements`."""

from typing import Annotated

import typer

from homeport.cli.options import Json

EXAMPLES = """
homeport requirements               how many rows are proved, and every row that has neither a proof nor a reason
homeport requirements S2 AT-08      of these alone, each row with what proves it
homeport requirements --open        every row that nothing proves, with the reason
"""
KEYS = ("groups", "rows", "problems")


def command(
    rows: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ROW|GROUP]...", help="Rows, or prefixes of groups, to show one by one"),
    ] = None,
    unproved: Annotated[bool, typer.Option("--open", help="Only rows that nothing proves, with the reason")] = False,
    json: Json = False,
) -> None:
    """List the rows of docs/requirements.toml, with what proves each; fail where one has no proof and no reason."""
    from homeport.cli import requirements

    raise typer.Exit(requirements.show(tuple(rows or ()), unproved=unproved, as_json=json))
