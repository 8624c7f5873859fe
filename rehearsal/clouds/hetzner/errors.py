"""Refusals, as the public API reference words and numbers them (https://docs.hetzner.cloud, "Errors")."""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer that is no success.

    Args:
        status: HTTP status.
        code: Error code of the API reference.
        message: Sentence for people.
        details: Further facts, such as the fields that were wrong.
    """

    def __init__(self, status: int, code: str, message: str, details: Any = None) -> None:
        super().__init__(message)
        self.status, self.code, self.details = status, code, details

    def body(self) -> dict[str, Any]:
        """The JSON of the answer."""
        return {"error": {"code": self.code, "message": str(self), "details": self.details}}


def not_found(noun: str, number: int | str) -> ApiError:
    """There is no such resource."""
    return ApiError(404, "not_found", f"{noun} with ID '{number}' not found")


def gone(what: str) -> ApiError:
    """There was such an endpoint once."""
    return ApiError(410, "deprecated_api_endpoint", f"{what} are not part of the API any more")


def invalid(fields: dict[str, str]) -> ApiError:
    """Fields of the request are wrong: name of the field to the reason."""
    rows = [{"name": name, "messages": [reason]} for name, reason in fields.items()]
    listed = ", ".join(f"'{name}'" for name in fields)
    return ApiError(422, "invalid_input", f"invalid input in field{'s' * (len(fields) > 1)} {listed}", {"fields": rows})


def taken(noun: str, field: str = "name") -> ApiError:
    """Another resource has that name, or that key, already."""
    return ApiError(409, "uniqueness_error", f"{noun} {field} is already used", {"fields": [{"name": field}]})


def locked(noun: str) -> ApiError:
    """Another action works on the resource."""
    return ApiError(423, "locked", f"{noun} is locked because another action is running on it")


def protected(noun: str, what: str = "delete") -> ApiError:
    """The user asked that this be refused."""
    return ApiError(423, "protected", f"{noun} is {what} protected")


def in_use(noun: str, by: str) -> ApiError:
    """Something else hangs on the resource."""
    return ApiError(422, "resource_in_use", f"{noun} is still in use by {by}")


def conflict(message: str) -> ApiError:
    """The resource changed meanwhile, or is in a state that does not allow this."""
    return ApiError(409, "conflict", message)


def unprocessable(code: str, message: str) -> ApiError:
    """A request that is well-formed and still impossible."""
    return ApiError(422, code, message)
