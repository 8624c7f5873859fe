"""Options that several verbs have."""

from typing import Annotated

import typer

from homeport.cli.places import ROOT


def stack_names(incomplete: str) -> list[str]:
    """For a shell's completion: the stacks that have a file."""
    names = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def preset_names(incomplete: str) -> list[str]:
    """For a shell's completion: the presets."""
    from homeport.settings.schema import PRESETS  # noqa: PLC0415  # costs pydantic, and only a completion needs it

    return [name for name in PRESETS if name.startswith(incomplete)]


StackName = Annotated[
    str,
    typer.Option("--stack", metavar="NAME", help="dev, preprod, prod or another stack", autocompletion=stack_names),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else")]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking (dev never asks)")]
Preset = Annotated[str, typer.Option("--preset", metavar="NAME", help="Which system", autocompletion=preset_names)]
Environment = Annotated[str, typer.Option("--env", metavar="NAME", help="preprod or prod")]
