"""What the environment tells the program."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_HANDLER = 150.0
"""Seconds that one handler call may take, so that it ends within the lease."""


class SettingsError(ValueError):
    """A variable is not what it must be; the text says which, what is wrong, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the environment says.

    Attributes:
        heartbeat_url: HEARTBEAT_URL, where beats go.
        interval: INTERVAL, seconds from beat to beat.
        timeout: TIMEOUT, seconds that a call to the server may take.
        queue_url: QUEUE_URL, what ``/claim``, ``/ack`` and ``/fail`` are appended to; empty: beside the heartbeat.
        key: Content of API_KEY_FILE, the webhooks' API key.
        handler_url: HANDLER_URL, which gets the items; empty: the queue is left alone.
        handler_timeout: HANDLER_TIMEOUT, seconds that the handler may take for one item.
        consumer: CONSUMER, this machine's name: what it claimed and did not end comes to it first again.
    """

    heartbeat_url: str
    interval: float
    timeout: float
    queue_url: str
    key: str
    handler_url: str
    handler_timeout: float
    consumer: str


def settings(env: Mapping[str, str]) -> Settings:
    """The settings in an environment.

    Raises:
        SettingsError: One of them is wrong.
    """
    heartbeat_url = _url(env, "HEARTBEAT_URL", "http://10.0.0.2:5678/webhook/heartbeat")
    handler_url = _url(env, "HANDLER_URL", "")
    key_file = env.get("API_KEY_FILE", "")
    if handler_url and not key_file:
        raise SettingsError(
            "API_KEY_FILE is not set: the queue asks for the webhooks' API key. Put it into a file of mode 0600, and name that"
        )
    try:
        key = Path(key_file).read_text(encoding="ascii").strip() if key_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"API_KEY_FILE {key_file} cannot be read ({error}): put the webhooks' API key there"
        ) from None
    return Settings(
        heartbeat_url=heartbeat_url,
        interval=_seconds(env, "INTERVAL", 60.0, 86400.0),
        timeout=_seconds(env, "TIMEOUT", 5.0, 300.0),
        queue_url=_url(env, "QUEUE_URL", heartbeat_url.rpartition("/")[0] + "/queue"),
        key=key,
        handler_url=handler_url,
        handler_timeout=_seconds(env, "HANDLER_TIMEOUT", 60.0, LONGEST_HANDLER),
        consumer=env.get("CONSUMER") or "local",
    )


def _url(env: Mapping[str, str], name: str, usual: str) -> str:
    value = env.get(name) or usual
    if value and not value.startswith(("http://", "https://")):
        raise SettingsError(f"{name} is {value!r}: it must begin with http:// or https://")
    return value


def _seconds(env: Mapping[str, str], name: str, usual: float, most: float) -> float:
    try:
        value = float(env.get(name) or usual)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise SettingsError(f"{name} is {env[name]!r}: it must be seconds, more than 0 and at most {most:g}")
    return value
