"""From method and path to the function that answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Router:
    """The table of calls.

    A pattern is a path with names in braces; a name stands for one part of the path and reaches the handler as keyword.
    """

    def __init__(self) -> None:
        self._rows: list[tuple[str, re.Pattern[str], Callable[..., Record]]] = []

    def add(self, method: str, pattern: str, handler: Callable[..., Record]) -> None:
        """Enters one call."""
        parts = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
        self._rows.append((method, re.compile(parts), handler))

    def answer(self, request: Request) -> Record:
        """The envelope that the handler of this call gives.

        Raises:
            ApiError: Nothing is at that path, the method is not served there, or what the handler raised.
        """
        known = False
        for method, pattern, handler in self._rows:
            found = pattern.fullmatch(request.path)
            if found is None:
                continue
            known = True
            if method == request.method:
                names: Mapping[str, Any] = found.groupdict()
                return handler(request, **names)
        if known:
            raise ApiError(405, 10405, "Method not allowed for this authentication scheme")
        raise ApiError(
            404,
            7003,
            f"Could not route to {request.path}, perhaps your object identifier is invalid?",
        )
