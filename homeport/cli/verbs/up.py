"""`homeport up`."""

import typer

from homeport.cli.options import Json, StackName, Yes

EXAMPLES = """
homeport up                     dev, on this machine's Docker; asks nothing
homeport up --stack prod        shows the preview, and asks
homeport up --stack prod --yes  for a script
"""
KEYS = ("stack", "preset", "environment", "services", "skipped", "next_steps", "healthy")


def command(stack: StackName = "dev", yes: Yes = False, json: Json = False) -> None:
    """Bring the stack up: Docker, engine and images first, then pulumi up. Also after a run that was killed."""
    from homeport.cli.lifecycle import up
    from homeport.cli.stack import read

    raise typer.Exit(up(read(stack), yes=yes, json=json))
