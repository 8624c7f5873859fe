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


def load(path: Path) -> EnvFile | None:
    """A `.env` file; None where there is none.

    Raises:
        ToolError: It cannot be read.
    """
    try:
        content = read(path)
        return None if content is None else EnvFile.parse(content.decode("utf-8", "surrogateescape"), str(path))
    except EnvFileError as problem:
        raise ToolError(f"{problem}\nfix: correct that line of {path}") from None
    except OSError as problem:
        raise ToolError(f"{path} cannot be read: {problem.strerror}\nfix: ls -ld {path}") from None


def values(file: EnvFile, path: Path, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """What the variables of a file are.

    Raises:
        ToolError: A line refers to what is set nowhere.
    """
    try:
        return file.values(known)
    except EnvFileError as problem:
        raise ToolError(f"{path}, {problem}") from None


def layered(folder: Path, *, lenient: bool = False) -> dict[str, str]:
    """`.env.global`, and over it `.env`: what is sensitive wins over what is shared.

    Args:
        folder: Where both are; either may be missing.
        lenient: Read no further than can be read: a broken file is said by whoever needs it.

    Raises:
        ToolError: One of them cannot be read.
    """
    whole: dict[str, str] = {}
    for name in (SHARED, SENSITIVE):
        try:
            file = load(folder / name)
            whole |= values(file, folder / name, {**os.environ, **whole}) if file else {}
        except ToolError:
            if not lenient:
                raise
    return whole


class Settings:
    """The variables of one run.

    Args:
        folder: Where the env files are.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._values = {**layered(folder or Path.cwd(), lenient=True), **os.environ}

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
            first = "; ".join(f"export {name}=…" for name in missing)
            raise ToolError("\n".join([*lines, f"fix: {first}   # or lines of .env in this folder"]), USAGE)
        return {name: self.get(name) for name in names}
