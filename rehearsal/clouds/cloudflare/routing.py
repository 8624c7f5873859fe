"""From method and path to the function that answers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request
from rehearsal.clouds.kit.routing import NoRouteError, Routes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class Router:
    """The table of calls.

    A pattern is a path with names in braces; a name stands for one part of the path and reaches the handler as keyword.
    """

    def __init__(self) -> None:
        self._routes = Routes["Callable[..., Record]"]()

    def add(self, method: str, pattern: str, handler: Callable[..., Record]) -> None:
        """Enters one call."""
        self._routes.add(method, re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern), handler)

    def answer(self, request: Request) -> Record:
        """The envelope that the handler of this call gives.

        Raises:
            ApiError: Nothing is at that path, the method is not served there, or what the handler raised.
        """
        try:
            handler, match = self._routes.find(request.method, request.path)
        except NoRouteError as problem:
            if problem.known:
                raise ApiError(405, 10405, "Method not allowed for this authentication scheme") from None
            text = f"Could not route to {request.path}, perhaps your object identifier is invalid?"
            raise ApiError(404, 7003, text) from None
        names: Mapping[str, Any] = match.groupdict()
        return handler(request, **names)
