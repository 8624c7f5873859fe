"""Options that several verbs have."""

from pathlib import Path
from typing import Annotated

import typer

from homeport.cli.places import ROOT, from_here


def stack_names(incomplete: str) -> list[str]:
    """For a shell's completion: the stacks that have a file."""
    names = sorted(path.name.split(".")[1] for path in ROOT.glob("Pulumi.*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def preset_names(incomplete: str) -> list[str]:
    """For a shell's completion: the presets."""
    from catalog.presets.registry import names  # noqa: PLC0415  # only a completion needs it

    return [name for name in names() if name.startswith(incomplete)]


def typed_path(path: Path | None) -> Path | None:
    """A path as whoever typed it sees it: the command itself runs in the checkout."""
    return Path(from_here(str(path))) if path else None


StackName = Annotated[
    str,
    typer.Option("--stack", metavar="NAME", help="dev, preprod, prod or another stack", autocompletion=stack_names),
]
HostName = Annotated[
    str, typer.Option("--host", metavar="NAME", help="Which host, by its name in the settings, where several could")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else")]
Inside = Annotated[
    bool | None,
    typer.Option(
        "--inside/--outside",
        help="Ask as a member of the mesh or VPN, or as a stranger; by itself it finds out which this machine is",
    ),
]
Authority = Annotated[
    Path | None,
    typer.Option("--authority", metavar="FILE", help="One more certificate authority to believe", callback=typed_path),
]
Report = Annotated[
    Path | None, typer.Option("--report", metavar="FILE", help="Write the same as JSON", callback=typed_path)
]
Yes = Annotated[bool, typer.Option("--yes", help="Do it without asking")]
Preset = Annotated[str, typer.Option("--preset", metavar="NAME", help="Which system", autocompletion=preset_names)]
Environment = Annotated[str, typer.Option("--env", metavar="NAME", help="preprod or prod")]


def distribution_names(incomplete: str) -> list[str]:
    """For a shell's completion: what a rehearsed server may be made of."""
    from homeport.cli.rehearse import DISTRIBUTIONS  # noqa: PLC0415  # costs Pulumi's settings

    return [name for name in DISTRIBUTIONS if name.startswith(incomplete)]


def known_distribution(name: str) -> str:
    """The name, if a server can be made of it."""
    from homeport.cli.rehearse import DISTRIBUTIONS  # noqa: PLC0415  # as above

    if name and name not in DISTRIBUTIONS:
        raise typer.BadParameter(f"{name} is none of {', '.join(DISTRIBUTIONS)}")
    return name


Distribution = Annotated[
    str,
    typer.Option(
        "--distribution",
        metavar="NAME",
        help="What its servers are made of: debian-12, debian-13, ubuntu-24.04 (where apt has a mirror of it), "
        "ubuntu-like; a rehearsal of its own. Empty: as the settings say",
        autocompletion=distribution_names,
        callback=known_distribution,
    ),
]
