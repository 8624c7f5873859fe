"""What every answer of the API v4 looks like, and how lists are cut into pages.

Source: the public reference at developers.cloudflare.com/api (envelope, `result_info`) and
developers.cloudflare.com/fundamentals/api/reference (errors, pagination).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Record = dict[str, Any]
_PER_PAGE: Final = 20
_MOST_PER_PAGE: Final = 5000


class ApiError(Exception):
    """An answer with `success: false`.

    Args:
        status: HTTP status.
        code: Cloudflare's own number of the error.
        message: Its text.
        chain: Code and text of the errors behind it (`error_chain`).
    """

    def __init__(self, status: int, code: int, message: str, chain: Sequence[tuple[int, str]] = ()) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.chain = status, code, message, tuple(chain)

    def body(self) -> Record:
        """The envelope of the error."""
        error: Record = {"code": self.code, "message": self.message}
        if self.chain:
            error["error_chain"] = [{"code": code, "message": text} for code, text in self.chain]
        return {"success": False, "errors": [error], "messages": [], "result": None}


@dataclass(frozen=True, slots=True)
class Request:
    """One call of the API, already authenticated.

    Attributes:
        method: HTTP method.
        path: Path below `/client/v4`.
        query: Query parameters, the last of each name.
        body: The JSON body, an empty dict when there was none.
        caller: Id of the API token that it came with.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    body: Record = field(default_factory=dict)
    caller: str = ""


def success(result: Any) -> Record:
    """The envelope around one result."""
    return {"success": True, "errors": [], "messages": [], "result": result}


def page(rows: Sequence[Any], query: Mapping[str, str]) -> Record:
    """The envelope around the page of `rows` that the query asks for (`page`, `per_page`).

    Raises:
        ApiError: Either number is none, or out of range.
    """
    number = _whole(query, "page", 1)
    size = _whole(query, "per_page", _PER_PAGE)
    shown = list(rows[(number - 1) * size : number * size])
    info = {
        "page": number,
        "per_page": size,
        "count": len(shown),
        "total_count": len(rows),
        "total_pages": -(-len(rows) // size),
    }
    return {**success(shown), "result_info": info}


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_PER_PAGE:
        raise ApiError(400, 1004, f"Invalid {name}: {text!r} is no number between 1 and {_MOST_PER_PAGE}")
    return int(text)


def only(rows: Sequence[Record], query: Mapping[str, str], *names: str) -> list[Record]:
    """The rows whose fields equal what the query asks for under the same names, letter case aside."""
    wanted = {name: query[name].lower() for name in names if name in query}
    return [row for row in rows if all(str(row.get(name, "")).lower() == text for name, text in wanted.items())]


def need(body: Record, *names: str, code: int = 1004) -> None:
    """Refuses a body that lacks one of the fields.

    Raises:
        ApiError: Names the first field that is missing or empty.
    """
    for name in names:
        if body.get(name) in (None, ""):
            raise ApiError(400, code, f"{name} is required")
