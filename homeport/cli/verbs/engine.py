"""`homeport engine`."""

import typer

EXAMPLES = """
homeport engine
"""


def command() -> None:
    """Fetch or build Pulumi's engine, where its own CLI is not there."""
    from homeport.cli import pulumi_cli

    pulumi_cli.ensure(which=True)
    raise typer.Exit
