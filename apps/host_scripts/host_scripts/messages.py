"""Who hears of a run: the heartbeat of one that went well, Telegram of one that did not."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from http import HTTPStatus
from typing import Final

from host_scripts.common import BackupError, Settings, secret

_SECONDS: Final = 30


def heartbeat(settings: Settings) -> bool | None:
    """Calls the heartbeat's URL; whether it was taken. None: there is none.

    A watch that hears nothing raises the alarm itself, so a heartbeat that is lost spoils no backup.
    """
    url = secret(settings, "heartbeat-url")
    return _called(urllib.request.Request(url)) if url else None  # noqa: S310  # the stack's own setting


def alarm(settings: Settings, what: str) -> bool | None:
    """Tells the chat of Telegram; whether it was taken. None: nobody is to be told."""
    token, chat = secret(settings, "telegram-token"), secret(settings, "telegram-chat")
    if not (settings.offsite and settings.offsite.telegram and token and chat):
        return None
    text = f"Backup of {settings.offsite.name} failed\n{what}"[:4000]
    body = json.dumps({"chat_id": chat, "text": text}).encode()
    url = f"{settings.offsite.telegram}/bot{token}/sendMessage"
    return _called(urllib.request.Request(url, body, {"Content-Type": "application/json"}))  # noqa: S310  # the stack's own setting


def _called(request: urllib.request.Request) -> bool:
    """Both URLs are secrets: no error names them."""
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310  # the two above
            return bool(answer.status == HTTPStatus.OK)
    except (OSError, ValueError):
        return False


def checked(settings: Settings) -> None:
    """Whether the files for both can be read, before hours of work.

    Raises:
        BackupError: One cannot, or holds what is no URL.
    """
    url = secret(settings, "heartbeat-url")
    if url and not url.startswith(("https://", "http://")):
        fix = f"write the URL of the push monitor into {settings.secrets / 'heartbeat-url'}"
        raise BackupError("heartbeat-url is no URL of http or https", fix)
    secret(settings, "telegram-token")
    secret(settings, "telegram-chat")
