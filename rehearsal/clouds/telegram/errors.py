"""Errors as the Bot API words them (tdlib/telegram-bot-api, telegram-bot-api/Query.h, Client.cpp)."""

from __future__ import annotations

from typing import Any


class TelegramError(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status, which is also `error_code`.
        description: Its text, the status's name first.
        parameters: What a program can act upon: `retry_after`, `migrate_to_chat_id`.
    """

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status, self.description, self.parameters = status, description, parameters

    def body(self) -> dict[str, Any]:
        """What the caller gets."""
        body: dict[str, Any] = {"ok": False, "error_code": self.status, "description": self.description}
        return body | ({"parameters": self.parameters} if self.parameters else {})


def wrong(description: str, **parameters: int) -> TelegramError:
    """What cannot be done."""
    return TelegramError(400, f"Bad Request: {description}", **parameters)


def forbidden(description: str) -> TelegramError:
    """What the bot may not do there."""
    return TelegramError(403, f"Forbidden: {description}")


def too_many(seconds: int) -> TelegramError:
    """Too much at once."""
    return TelegramError(429, f"Too Many Requests: retry after {seconds}", retry_after=seconds)
