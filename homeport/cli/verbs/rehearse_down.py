"""`homeport rehearse-down`."""

import typer

from homeport.cli.options import Distribution, Environment, Preset

EXAMPLES = """
homeport rehearse-down --env preprod
"""


def command(preset: Preset = "jett", env: Environment = "prod", distribution: Distribution = "") -> None:
    """Remove a rehearsal with everything in it."""
    from homeport.cli import rehearse

    raise typer.Exit(rehearse.down(rehearse.Rehearsal(preset=preset, environment=env, distribution=distribution)))
