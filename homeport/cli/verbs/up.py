"""`homeport up`."""

from typing import Annotated

import typer

from homeport.cli.options import Json, StackName, Yes

EXAMPLES = """
homeport up                     dev, on this machine's Docker; asks nothing
homeport up --stack prod        shows the preview, and asks
homeport up --stack prod --yes  for a script
homeport up --give-up notes     after a backup: this volume or key may be lost
"""
KEYS = (
    "stack",
    "preset",
    "environment",
    "services",
    "skipped",
    "next_steps",
    "taken_down",
    "programs",
    "works",
    "healthy",
)
Refresh = Annotated[bool, typer.Option("--refresh", help="Let Pulumi ask for every resource, not only Docker")]
GiveUp = Annotated[list[str] | None, typer.Option("--give-up", metavar="NAME", help="Data or a key that may be lost")]


def command(
    stack: StackName = "dev", yes: Yes = False, json: Json = False, refresh: Refresh = False, give_up: GiveUp = None
) -> None:
    """Bring the stack up, and put back what was changed by hand. Also after a run that was killed."""
    from homeport.cli.lifecycle import up
    from homeport.cli.stack import read

    raise typer.Exit(up(read(stack), yes=yes, json=json, refresh=refresh, give_up=give_up or ()))
