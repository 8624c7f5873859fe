"""`homeport test`."""

from typing import Annotated

import typer

EXAMPLES = """
homeport test            everything but the stage long
homeport test unit apps
homeport test long
"""


def command(
    stages: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[STAGE]...",
            help="check, unit, engine, system, long; or apps, docker or world, parts of unit and system",
        ),
    ] = None,
) -> None:
    """Run all tests, or one stage of them."""
    from homeport.cli.testing import run

    raise typer.Exit(run(tuple(stages or ())))
