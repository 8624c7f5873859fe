"""Errors as OVH words them; where each is from stands in README.md."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any


class OvhError(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        message: Its text.
        code: `errorCode`, which the SDK for Python goes by.
        kind: `class`, which the SDK for Go shows.
    """

    def __init__(self, status: int, message: str, code: str = "", kind: str = "") -> None:
        super().__init__(message)
        self.status, self._code, self._kind = status, code, kind

    def body(self) -> dict[str, Any]:
        """What the caller gets."""
        old = {"errorCode": self._code, "httpCode": f"{self.status} {HTTPStatus(self.status).phrase}"}
        return {"message": str(self), **(old if self._code else {}), **({"class": self._kind} if self._kind else {})}


def wrong(message: str) -> OvhError:
    """A value that the call does not take."""
    return OvhError(400, message, kind="Client::BadRequest")


def missing(message: str) -> OvhError:
    """What is not there."""
    return OvhError(404, message, kind="Client::NotFound")


def conflict(message: str) -> OvhError:
    """What cannot be beside something that is there."""
    return OvhError(409, message, kind="Client::Conflict")
