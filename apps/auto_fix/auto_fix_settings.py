"""What the environment tells the receiver and the worker. Secrets are in files that it names."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,38})/[A-Za-z0-9._-]{1,100}")
_SHORTEST_SECRET = 16


class SettingsError(ValueError):
    """A variable is not what it must be; the text says which, what is wrong, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Receiver:
    """What the receiver is told.

    Attributes:
        address: ADDRESS, where it listens.
        port: PORT, 0 for a free one.
        secret: Content of WEBHOOK_SECRET_FILE, the webhook's secret at GitHub.
        queue: QUEUE, the database's file.
        repositories: REPOSITORIES, whose issues are accepted, ``owner/name`` in small letters.
        label: LABEL, which an issue must have.
    """

    address: str
    port: int
    secret: bytes
    queue: Path
    repositories: frozenset[str]
    label: str


@dataclass(frozen=True, kw_only=True)
class Worker:
    """What the worker is told.

    Attributes:
        queue: QUEUE, the database's file.
        work: WORK, a folder of its own for clones; what is in it goes.
        api: API_URL of GitHub.
        git: GIT_URL of GitHub, before ``/owner/name.git``.
        token: Content of TOKEN_FILE, for contents, issues and pull requests of the repositories alone.
        label: LABEL, which an issue must still have.
        agent: AGENT_SOCKET, behind which the sandbox is.
        seconds: JOB_SECONDS, that the sandbox may take, agent and tests together.
        attempts: ATTEMPTS, how often the agent is started for one issue.
        pause: PAUSE, seconds between two looks at the queue, and before GitHub is asked again.
        telegram: TELEGRAM_URL, the API's address; empty: nobody is told there.
        telegram_token: Content of TELEGRAM_TOKEN_FILE.
        telegram_chat: TELEGRAM_CHAT, who is told.
    """

    queue: Path
    work: Path
    api: str
    git: str
    token: str
    label: str
    agent: Path
    seconds: float
    attempts: int
    pause: float
    telegram: str
    telegram_token: str
    telegram_chat: str


def receiver(env: Mapping[str, str]) -> Receiver:
    """The receiver's settings.

    Raises:
        SettingsError: One of them is wrong.
    """
    secret = _content(env, "WEBHOOK_SECRET_FILE").encode()
    if len(secret) < _SHORTEST_SECRET:
        raise SettingsError(f"WEBHOOK_SECRET_FILE: the secret is shorter than {_SHORTEST_SECRET} characters")
    repositories = env.get("REPOSITORIES", "").replace(",", " ").lower().split()
    wrong = [name for name in repositories if not REPOSITORY.fullmatch(name)]
    if wrong or not repositories:
        raise SettingsError(f"REPOSITORIES: {' '.join(wrong) or 'nothing'} is no owner/name, separated by blanks")
    return Receiver(
        address=env.get("ADDRESS", "127.0.0.1"),
        port=int(_number(env, "PORT", 9010, 65535)),
        secret=secret,
        queue=Path(env.get("QUEUE", "/var/lib/auto-fix/queue.db")),
        repositories=frozenset(repositories),
        label=env.get("LABEL", "auto-fix"),
    )


def worker(env: Mapping[str, str]) -> Worker:
    """The worker's settings.

    Raises:
        SettingsError: One of them is wrong.
    """
    telegram = _url(env, "TELEGRAM_URL", "")
    return Worker(
        queue=Path(env.get("QUEUE", "/var/lib/auto-fix/queue.db")),
        work=Path(env.get("WORK", "/var/lib/auto-fix/work")),
        api=_url(env, "API_URL", "https://api.github.com"),
        git=_url(env, "GIT_URL", "https://github.com"),
        token=_content(env, "TOKEN_FILE"),
        label=env.get("LABEL", "auto-fix"),
        agent=Path(env.get("AGENT_SOCKET", "/run/auto-fix-agent.sock")),
        seconds=_number(env, "JOB_SECONDS", 5400, 86400),
        attempts=int(_number(env, "ATTEMPTS", 3, 100)),
        pause=_number(env, "PAUSE", 5, 3600),
        telegram=telegram,
        telegram_token=_content(env, "TELEGRAM_TOKEN_FILE") if telegram else "",
        telegram_chat=env.get("TELEGRAM_CHAT", ""),
    )


def _content(env: Mapping[str, str], name: str) -> str:
    path = env.get(name, "")
    try:
        text = Path(path).read_text(encoding="ascii").strip() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{name}: {path} cannot be read: {error}") from None
    if not text:
        raise SettingsError(f"{name}: names no file with something in it; put the secret into one of mode 0400")
    return text


def _number(env: Mapping[str, str], name: str, default: float, most: float) -> float:
    text = env.get(name, "")
    try:
        number = float(text) if text else default
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise SettingsError(f"{name}: {text!r} is no number from 0 to {most:g}")
    return number


def _url(env: Mapping[str, str], name: str, default: str) -> str:
    text = env.get(name, "") or default
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None):
        raise SettingsError(f"{name}: {text!r} is no http or https URL without a user")
    return text.rstrip("/")
