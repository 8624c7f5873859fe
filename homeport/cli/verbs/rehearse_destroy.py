"""`homeport rehearse-destroy`."""

import typer

from homeport.cli.options import Environment, Preset

EXAMPLES = """
homeport rehearse-destroy --env preprod
"""


def command(preset: Preset = "jett", env: Environment = "prod") -> None:
    """Destroy a rehearsed stack as one would in production; its world stays."""
    from homeport.cli import rehearse

    raise typer.Exit(rehearse.destroy(rehearse.Rehearsal(preset=preset, environment=env)))
