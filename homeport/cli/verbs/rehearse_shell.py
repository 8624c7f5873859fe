"""`homeport rehearse-shell`."""

import typer

from homeport.cli.options import Distribution, Environment, Preset

EXAMPLES = """
homeport rehearse-shell --env preprod
"""


def command(preset: Preset = "jett", env: Environment = "prod", distribution: Distribution = "") -> None:
    """Open a shell in which plain pulumi works on a rehearsal."""
    from homeport.cli import rehearse

    raise typer.Exit(rehearse.shell(rehearse.Rehearsal(preset=preset, environment=env, distribution=distribution)))
