"""What a `.env` file and Infisical have in common, and what not."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from infra_tools.console import USAGE, ToolError
from infra_tools.infisical import Infisical, Secret, kept
from infra_tools.settings import IDENTITY, SENSITIVE, SHARED, Settings, content, load, parse, values

if TYPE_CHECKING:
    import argparse

    from infra_tools.console import Console
    from infra_tools.dotenv import EnvFile


@dataclass
class Sides:
    """Both sides of one run.

    Attributes:
        path: The env file.
        content: Its bytes when it was read, None where there is none.
        file: It, read.
        env: Its variables, without those by which Infisical is reached.
        infisical: The client.
        secrets: What Infisical has.
    """

    path: Path
    content: bytes | None
    file: EnvFile
    env: dict[str, str]
    infisical: Infisical
    secrets: dict[str, Secret] = field(default_factory=dict)

    def only_env(self) -> list[str]:
        """Names that Infisical lacks."""
        return [name for name in self.env if name not in self.secrets]

    def only_infisical(self) -> list[str]:
        """Names that the file lacks."""
        return sorted(name for name in self.secrets if name not in self.env)

    def equal(self, name: str) -> bool:
        """Whether a name that both have stands for one value."""
        return kept(self.env[name]) == kept(self.secrets[name].value)

    def differing(self) -> list[str]:
        """Names whose values are not the same."""
        return [name for name in self.env if name in self.secrets and not self.equal(name)]

    def same(self) -> list[str]:
        """Names whose values are."""
        return [name for name in self.env if name in self.secrets and self.equal(name)]


def option(parser: argparse.ArgumentParser) -> None:
    """Adds `--env-file`."""
    parser.add_argument("--env-file", type=Path, default=Path(SENSITIVE), metavar="FILE", help="default: %(default)s")


def both(path: Path, console: Console, *, must_exist: bool) -> Sides:
    """Reads both sides.

    Args:
        path: The env file.
        console: What must never show a value.
        must_exist: Whether a missing file is an error.

    Raises:
        ToolError: One side cannot be read.
    """
    settings = Settings()
    settings.need(*IDENTITY)
    held = content(path)
    if held is None and must_exist:
        raise ToolError(f"{path}: there is no such file\nfix: give another one: --env-file FILE", USAGE)
    file = parse(held or b"", path)
    shared_path = path.parent / SHARED
    shared = load(shared_path) if path.name != SHARED else None
    env = values(file, path, values(shared, shared_path) if shared else {})
    console.hide(env.values())
    env = {name: value for name, value in env.items() if name not in IDENTITY}
    infisical = Infisical(settings, console)
    secrets = {name: secret for name, secret in infisical.secrets().items() if name not in IDENTITY}
    return Sides(path, held, file, env, infisical, secrets)
