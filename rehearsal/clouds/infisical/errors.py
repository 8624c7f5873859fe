"""Errors as Infisical words them (backend/src/server/plugins/error-handler.ts)."""

from __future__ import annotations

import secrets
from typing import Any


class InfisicalError(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        message: Its text; of a refused field a list.
        name: The error's name.
    """

    def __init__(self, status: int, message: Any, name: str) -> None:
        super().__init__(str(message))
        self.status, self.message, self.name = status, message, name

    def body(self) -> dict[str, Any]:
        """What the caller gets."""
        number = f"req-{secrets.token_hex(7)}"
        return {"reqId": number, "statusCode": self.status, "message": self.message, "error": self.name}


def wrong(message: str) -> InfisicalError:
    """What cannot be done."""
    return InfisicalError(400, message, "BadRequest")


def unauthorized(message: str) -> InfisicalError:
    """Nobody that it knows."""
    return InfisicalError(401, message, "UnauthorizedError")


def forbidden(message: str) -> InfisicalError:
    """Somebody who may not."""
    return InfisicalError(403, message, "ForbiddenError")


def missing(message: str, name: str = "NotFound") -> InfisicalError:
    """What is not there."""
    return InfisicalError(404, message, name)


def unfit(field: str, message: str) -> InfisicalError:
    """A field that its schema does not take."""
    return InfisicalError(422, [{"code": "custom", "path": [field], "message": message}], "ValidationFailure")
