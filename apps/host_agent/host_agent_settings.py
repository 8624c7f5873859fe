"""What ``host-agent/.env`` says, and whether it may be believed."""

from __future__ import annotations

import ipaddress
import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "HOST_AGENT_BEARER_TOKEN"
LEAST_TOKEN = 32
"""Characters."""
LONGEST_TASK = 3600
PROTOCOLS = frozenset({"https", "ssh", "http", "file"})
_LINE = re.compile(r"""([A-Z][A-Z0-9_]*)=(?:'([^']*)'|"([^"$`\\]*)"|([^\s'"$`\\#]*))[ \t]*""")
_DULL = re.compile(
    r"(?i).*(?:your|change|replace|example|placeholder|secret|password|token|xxx|todo|fixme|<|>|\.\.\.).*"
)
_FEWEST = 10
"""Different characters that a random token of 32 hexadecimal digits has: fewer are had once in a million."""


class SettingsError(ValueError):
    """A variable, or the file itself, is not what it must be; the text has a line for what to do, and no secret."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the file says.

    Attributes:
        host: HOST, the address to listen on; 0.0.0.0, so that containers get in, and the firewall keeps others out.
        port: PORT.
        token: HOST_AGENT_BEARER_TOKEN.
        repo: REPO_DIR, the checkout.
        backup_script: BACKUP_SCRIPT, which saves n8n's workflows.
        task_timeout: TASK_TIMEOUT, seconds that a task may take.
        tasks_file: TASKS_FILE, the allow-list of further tasks.
        protocols: GIT_PROTOCOLS, by which git may reach a remote.
    """

    host: str
    port: int
    token: str = field(repr=False)
    repo: Path
    backup_script: Path
    task_timeout: int
    tasks_file: Path
    protocols: tuple[str, ...]


def read(path: Path) -> Settings:
    """The settings in a file.

    Raises:
        SettingsError: The file can be read or written by others, or one of its variables is wrong.
    """
    try:
        text = _private(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{path}: cannot be read ({type(error).__name__})\n  fix: cp {path}.example {path}"
        ) from None
    return settings(variables(text, str(path)), path)


def _private(path: Path) -> Path:
    """The path itself, if nobody but its owner reads it, and the owner is whose folder it lies in, or root."""
    found = path.lstat()
    if not stat.S_ISREG(found.st_mode):
        raise SettingsError(f"{path}: is no regular file\n  fix: replace it by a file of mode 0600")
    if found.st_mode & 0o177:
        raise SettingsError(f"{path}: others than its owner may read or write it\n  fix: chmod 600 {path}")
    if found.st_uid not in {0, path.parent.stat().st_uid}:
        raise SettingsError(f"{path}: belongs to somebody else than its folder\n  fix: sudo chown root: {path}")
    return path


def variables(text: str, where: str) -> dict[str, str]:
    """The variables in the text of an env file.

    Raises:
        SettingsError: A line is none of such a file; nothing in it is expanded or run.
    """
    values: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            what = "is no NAME=value; a value with blanks stands in quotes, and nothing is expanded"
            raise SettingsError(f"{where}, line {number}: {what}\n  fix: write it as in {where}.example")
        values[match[1]] = next((value for value in match.groups()[1:] if value is not None), "")
    return values


def settings(values: Mapping[str, str], path: Path) -> Settings:
    """The settings that variables of a file make.

    Raises:
        SettingsError: One of them is wrong; it is named.
    """
    repo = _path(values, "REPO_DIR", path.absolute().parents[1])
    protocols = tuple(values.get("GIT_PROTOCOLS", "https,ssh").split(","))
    if not set(protocols) <= PROTOCOLS:
        raise _wrong("GIT_PROTOCOLS", f"is a list of {', '.join(sorted(PROTOCOLS))}", "https,ssh")
    return Settings(
        host=_address(values),
        port=_number(values, "PORT", 9000, 65535),
        token=_token(values),
        repo=repo,
        backup_script=_path(values, "BACKUP_SCRIPT", repo / "backup-n8n-workflows.sh"),
        task_timeout=_number(values, "TASK_TIMEOUT", 300, LONGEST_TASK),
        tasks_file=_path(values, "TASKS_FILE", repo / "host-agent" / "tasks.json"),
        protocols=protocols,
    )


def _wrong(name: str, what: str, good: str) -> SettingsError:
    return SettingsError(f"{name} {what}\n  fix: {name}={good}")


def _token(values: Mapping[str, str]) -> str:
    token, good = values.get(VARIABLE, ""), "<the output of: openssl rand -hex 32>"
    if not token:
        raise _wrong(VARIABLE, "is empty", good)
    if len(token) < LEAST_TOKEN:
        raise _wrong(VARIABLE, f"has fewer than {LEAST_TOKEN} characters", good)
    if not all("!" <= character <= "~" for character in token):
        raise _wrong(VARIABLE, "holds a character that no header takes", good)
    if _DULL.fullmatch(token) or len(set(token)) < _FEWEST:
        raise _wrong(VARIABLE, "was never filled in, or can be guessed", good)
    return token


def _address(values: Mapping[str, str]) -> str:
    text = values.get("HOST", "0.0.0.0")  # noqa: S104  # the firewall decides who gets in
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise _wrong("HOST", "is no address", "0.0.0.0") from None  # noqa: S104  # what to write instead


def _number(values: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = values.get(name, str(default))
    if not re.fullmatch("[1-9][0-9]{0,5}", text) or int(text) > most:
        raise _wrong(name, f"is no whole number from 1 to {most}", str(default))
    return int(text)


def _path(values: Mapping[str, str], name: str, default: Path) -> Path:
    path = Path(values.get(name, str(default)))
    if not path.is_absolute() or ".." in path.parts or os.fspath(path) != os.path.normpath(path):
        raise _wrong(name, "is no absolute path", str(default))
    return path
