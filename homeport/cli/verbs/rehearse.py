"""`homeport rehearse`."""

from typing import Annotated

import typer

from homeport.cli.options import Distribution, Environment, Json, Preset

EXAMPLES = """
homeport rehearse                                          preset jett in prod
homeport rehearse --preset jett --env preprod --no-claims
homeport rehearse --distribution debian-12                 from a bare server of another distribution
"""
KEYS = ("rehearsal", "folder", "passed", "claims")


def command(
    preset: Preset = "jett",
    env: Environment = "prod",
    distribution: Distribution = "",
    *,
    no_claims: Annotated[bool, typer.Option("--no-claims", help="Do not check the claims afterwards")] = False,
    transcript: Annotated[
        str,
        typer.Option("--transcript", metavar="FILE", help="Type the first commands of prod and write what they show"),
    ] = "",
    json: Json = False,
) -> None:
    """Stand an environment up on emulated clouds, on this machine, and check what production promises."""
    from homeport.cli import rehearse

    rehearsal = rehearse.Rehearsal(preset=preset, environment=env, distribution=distribution)
    if transcript:
        raise typer.Exit(rehearse.transcribe(rehearsal, transcript))
    raise typer.Exit(rehearse.up(rehearsal, claimed=not no_claims, as_json=json))
