"""The stacks of a project: folders such as `00-infrastructure`, each with a compose file, and their variables."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from infra_tools.console import USAGE, ToolError
from infra_tools.docker import plain_environment, run
from infra_tools.settings import SENSITIVE, SHARED, load, values

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping

    from infra_tools.console import Console
    from infra_tools.docker import Docker

INFRASTRUCTURE: Final = "00-infrastructure"
NETWORK: Final = "ai-network"
PROFILES: Final = ("cpu", "gpu-nvidia", "gpu-amd", "none")
ENVIRONMENTS: Final = ("private", "public")
_FILES: Final = ("docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml")
_FOLDER: Final = re.compile(r"\d\d-[a-z0-9][a-z0-9-]*")


@dataclass(frozen=True)
class Choice:
    """Which part of the stacks is meant.

    Attributes:
        profile: compose's profile; `none` for no profile at all.
        environment: `private` for dev, `public` for prod: the override file of that name is laid over.
    """

    profile: str
    environment: str


@dataclass(frozen=True)
class Stack:
    """One of them.

    Attributes:
        folder: Where it is.
        file: Its compose file.
    """

    folder: Path
    file: Path

    @property
    def name(self) -> str:
        """The folder's name."""
        return self.folder.name


def options(parser: argparse.ArgumentParser) -> None:
    """Adds `--profile`, `--environment` and `--root`."""
    parser.add_argument("--profile", choices=PROFILES, default="cpu", help="compose profile (default: %(default)s)")
    parser.add_argument(
        "--environment",
        choices=ENVIRONMENTS,
        default="private",
        help="override file that is laid over: private for dev, public for prod (default: %(default)s)",
    )
    parser.add_argument("--root", type=Path, help="folder that holds 00-infrastructure (default: the project's)")


def root(named: Path | None) -> Path:
    """The folder that holds the stacks: named, or two above the programs, or the folder of the call.

    Raises:
        ToolError: There are none in it.
    """
    own = Path(__file__).resolve().parents[3]
    for place in [named] if named else [own, Path.cwd()]:
        if (place / INFRASTRUCTURE).is_dir():
            return place.resolve()
    raise ToolError(
        f"{named or Path.cwd()}: there is no folder {INFRASTRUCTURE}\nfix: name the one that holds it: --root DIR",
        USAGE,
    )


def stacks(place: Path) -> list[Stack]:
    """All stacks, in the order in which they start: by their numbers, the infrastructure first.

    Raises:
        ToolError: One has no compose file.
    """
    found = []
    for folder in sorted(place.iterdir()):
        if not (folder.is_dir() and _FOLDER.fullmatch(folder.name)):
            continue
        file = next((folder / name for name in _FILES if (folder / name).is_file()), None)
        if file is not None:
            found.append(Stack(folder, file))
        elif folder.name == INFRASTRUCTURE:
            raise ToolError(f"{folder}: there is no {_FILES[0]}\nfix: homeport export --stack dev --to {place}")
    return found


def environment(place: Path, stack: Stack, secrets: Mapping[str, str], console: Console) -> dict[str, str]:
    """A stack's variables: `.env.global`, over it `.env`, over it what Infisical exports.

    Of each file the project's own comes first and the stack's over it. What is exported in the shell wins over all, as
    it does with docker compose.

    Args:
        place: The project's folder.
        stack: The stack.
        secrets: Infisical's.
        console: What must never show the sensitive ones.

    Raises:
        ToolError: A file cannot be read.
    """
    whole: dict[str, str] = {}
    console.hide(secrets.values())
    for name in (SHARED, SENSITIVE):
        for folder in (place, stack.folder):
            file = load(folder / name)
            read = values(file, folder / name, {**os.environ, **whole}) if file else {}
            console.hide(read.values() if name == SENSITIVE else ())
            whole |= read
    return {**whole, **secrets}


def compose(docker: Docker, stack: Stack, choice: Choice) -> list[str]:
    """The beginning of a compose command for one stack."""
    override = stack.folder / f"docker-compose.override.{choice.environment}.yml"
    files = [stack.file, *([override] if override.is_file() else [])]
    named = [word for file in files for word in ("--file", str(file))]
    profile = [] if choice.profile == "none" else ["--profile", choice.profile]
    # The variables come with the environment alone: compose would read a file of the stack's by its own rules.
    return [*docker.compose(), "--env-file", os.devnull, "--project-directory", str(stack.folder), *named, *profile]


def model(docker: Docker, stack: Stack, choice: Choice, variables: Mapping[str, str]) -> dict[str, Any]:
    """A stack as compose understands it, variables filled in.

    Raises:
        ToolError: compose refuses it.
    """
    argv = [*compose(docker, stack, choice), "config", "--format", "json"]
    fix = f"correct {stack.file}, or set the variable that it names in {SENSITIVE}"
    known: dict[str, Any] = json.loads(run(argv, fix, env={**variables, **plain_environment()}))
    return known
