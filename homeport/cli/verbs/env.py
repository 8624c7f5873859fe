"""`homeport env`."""

import typer

EXAMPLES = """
eval "$(homeport env)"; pulumi preview --stack dev
"""


def command() -> None:
    """Print the environment in which plain pulumi works here, as shell exports."""
    from homeport.cli import pulumi_cli

    pulumi_cli.make_stacks()
    raise typer.Exit(pulumi_cli.engine_command("env"))
