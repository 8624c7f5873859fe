"""`homeport shell`."""

import os

import typer

EXAMPLES = """
homeport shell
"""


def command() -> None:
    """Open a shell in which plain pulumi works."""
    from homeport.cli import pulumi_cli

    pulumi_cli.make_stacks()
    raise typer.Exit(pulumi_cli.engine_command("exec", "--", os.environ.get("SHELL") or "sh"))
