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
            metavar="[STAGE]...", help="check, unit, apps, engine, system, long; or docker or world, parts of system"
        ),
    ] = None,
) -> None:
    """Run all tests, or one stage of them."""
    from homeport.cli.testing import run

    raise typer.Exit(run(tuple(stages or ())))
