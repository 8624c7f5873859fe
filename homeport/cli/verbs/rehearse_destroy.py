"""`homeport rehearse-destroy`."""

import typer

from homeport.cli.options import Distribution, Environment, Preset

EXAMPLES = """
homeport rehearse-destroy --env preprod
"""


def command(preset: Preset = "jett", env: Environment = "prod", distribution: Distribution = "") -> None:
    """Destroy a rehearsed stack as one would in production; its world stays."""
    from homeport.cli import rehearse

    raise typer.Exit(rehearse.destroy(rehearse.Rehearsal(preset=preset, environment=env, distribution=distribution)))
