"""Errors as GitHub words them (docs.github.com/en/rest/using-the-rest-api/troubleshooting-the-rest-api)."""

from __future__ import annotations

from typing import Any

_DOCUMENTATION = "https://docs.github.com/rest"


class GitHubError(Exception):
    """An answer that is an error.

    Args:
        status: HTTP status.
        message: Its text.
        more: Further fields of the body.
    """

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.more = status, message, more

    def body(self) -> dict[str, Any]:
        """What the caller gets."""
        return {"message": self.message, **self.more, "documentation_url": _DOCUMENTATION, "status": str(self.status)}


def unauthorized() -> GitHubError:
    """A token that it does not know, or no longer."""
    return GitHubError(401, "Bad credentials")


def forbidden(message: str) -> GitHubError:
    """Somebody who may see it, and not do that."""
    return GitHubError(403, message)


def missing() -> GitHubError:
    """What is not there, or is nobody's business who asks."""
    return GitHubError(404, "Not Found")


def unfit(field: str, code: str = "invalid") -> GitHubError:
    """A field that does not fit."""
    return GitHubError(422, "Validation Failed", errors=[{"field": field, "code": code}])
