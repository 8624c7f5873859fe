"""Configuration: variables of the environment, else of `.env`, else of `.env.global`, in the folder of the call."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final

from infra_tools.console import USAGE, ToolError
from infra_tools.dotenv import EnvFile, EnvFileError
from infra_tools.files import read

if TYPE_CHECKING:
    from collections.abc import Mapping

SHARED: Final = ".env.global"
SENSITIVE: Final = ".env"
IDENTITY: Final = (
    "INFISICAL_API_URL",
    "INFISICAL_CLIENT_ID",
    "INFISICAL_CLIENT_SECRET",
    "INFISICAL_PROJECT_ID",
    "INFISICAL_ENVIRONMENT",
)
"""How Infisical is reached. Kept out of Infisical: there nobody could read them before having them."""
_WHERE: Final = """\
INFISICAL_API_URL: where Infisical answers, such as https://infisical.example.com
INFISICAL_CLIENT_ID: client id of a machine identity with Universal Auth
INFISICAL_CLIENT_SECRET: the client secret that belongs to that id
INFISICAL_PROJECT_ID: project's id, from the project's settings
INFISICAL_ENVIRONMENT: slug of the environment, such as dev or prod
CLOUDFLARE_API_TOKEN: made on the profile's page of API tokens
CLOUDFLARE_ACCOUNT_ID: account's id, from the account's overview
CLOUDFLARE_ZONE_ID: zone's id, from the domain's overview
CLOUDFLARE_TUNNEL_ID: tunnel's id, from the tunnel's page
"""


def parse(content: bytes, path: Path) -> EnvFile:
    """The content of a `.env` file, read.

    Raises:
        ToolError: It cannot be read.
    """
    try:
        return EnvFile.parse(content.decode("utf-8", "surrogateescape"), str(path))
    except EnvFileError as problem:
        raise ToolError(f"{problem}\nfix: correct that line of {path}") from None


def content(path: Path) -> bytes | None:
    """What a file holds; None where there is none.

    Raises:
        ToolError: It cannot be read.
    """
    try:
        return read(path)
    except OSError as problem:
        raise ToolError(f"{path} cannot be read: {problem.strerror}\nfix: ls -ld {path}") from None


def load(path: Path) -> EnvFile | None:
    """A `.env` file; None where there is none.

    Raises:
        ToolError: It cannot be read.
    """
    held = content(path)
    return None if held is None else parse(held, path)


def values(file: EnvFile, path: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the variables of a file are.

    Raises:
        ToolError: A line refers to what is set nowhere.
    """
    try:
        return file.values(known)
    except EnvFileError as problem:
        raise ToolError(f"{path}, {problem}") from None


class Settings:
    """The variables of one run.

    Args:
        folder: Where the env files are.
    """

    def __init__(self, folder: Path | None = None) -> None:
        whole: dict[str, str] = {}
        self._problem = ""
        for name in (SHARED, SENSITIVE):
            path = (folder or Path.cwd()) / name
            try:
                file = load(path)
                whole |= values(file, path, {**os.environ, **whole}) if file else {}
            except ToolError as problem:
                # Said only where a variable is missing: another file may be the one that is meant.
                self._problem = str(problem).splitlines()[0]
        self._values = {**whole, **os.environ}

    def get(self, name: str, default: str = "") -> str:
        """One variable; an empty one is none."""
        return self._values.get(name, "").strip() or default

    def ending(self, end: str) -> dict[str, str]:
        """All variables whose names end so, but empty ones."""
        return {name: self.get(name) for name in self._values if name.endswith(end) and self.get(name)}

    def need(self, *names: str) -> dict[str, str]:
        """Several variables, none of which may be missing.

        Raises:
            ToolError: Names all that are.
        """
        missing = [name for name in names if not self.get(name)]
        if missing:
            lines = [f"not set: {', '.join(missing)}"]
            lines += [f"  {line}" for line in _WHERE.splitlines() if line.split(":")[0] in missing]
            lines += [f"  {self._problem}; so nothing of that file was read"] if self._problem else []
            first = "; ".join(f"export {name}=…" for name in missing)
            raise ToolError("\n".join([*lines, f"fix: {first}   # or lines of .env in this folder"]), USAGE)
        return {name: self.get(name) for name in names}
