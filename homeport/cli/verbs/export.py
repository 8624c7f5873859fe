"""`homeport export`."""

from typing import Annotated

import typer

from homeport.cli.options import StackName

EXAMPLES = """
homeport export --to out
docker compose --project-directory out up --detach
"""


def command(
    stack: StackName = "dev",
    to: Annotated[str, typer.Option("--to", metavar="DIR", help="The folder to write")] = "",
) -> None:
    """Write the stack as files for docker compose: the way out of homeport."""
    from homeport.cli.export import export
    from homeport.cli.places import from_here
    from homeport.cli.stack import read

    raise typer.Exit(export(read(stack), from_here(to)))
