"""`homeport status`."""

import typer

from homeport.cli.options import Json, StackName

EXAMPLES = """
homeport status
homeport status --json | jq '.services[] | select(.health != "healthy")'
homeport status --json | jq --exit-status .healthy   in a pipe, whose exit code is that of its last command
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


def command(stack: StackName = "dev", json: Json = False) -> None:
    """Table of services with health and address; exit code 1 when something is not healthy."""
    from homeport.cli import pulumi_cli, status
    from homeport.cli.stack import read

    current = status.status(pulumi_cli.prepared(read(stack)))
    status.show(current, json=json)
    raise typer.Exit(0 if current.healthy else 1)
