"""From method and path to the function that answers."""

from __future__ import annotations

import re
from typing import Generic, TypeVar

Target = TypeVar("Target")


class NoRouteError(Exception):
    """Nothing is served there.

    Args:
        method: HTTP method.
        path: The path.
        known: Whether the path is served under another method.
    """

    def __init__(self, method: str, path: str, *, known: bool) -> None:
        super().__init__(f"no route for {method} {path}")
        self.known = known


class Routes(Generic[Target]):
    """The table of calls."""

    def __init__(self) -> None:
        self._rows: list[tuple[str, re.Pattern[str], Target]] = []

    def add(self, method: str, pattern: str, target: Target) -> None:
        """Enters one call; the pattern is a regular expression for the whole path."""
        self._rows.append((method, re.compile(pattern), target))

    def find(self, method: str, path: str) -> tuple[Target, re.Match[str]]:
        """What serves the call, and the match of its pattern; the first one that was entered wins.

        Raises:
            NoRouteError: Nothing does.
        """
        known = False
        for verb, pattern, target in self._rows:
            match = pattern.fullmatch(path)
            if match and verb == method:
                return target, match
            known = known or match is not None
        raise NoRouteError(method, path, known=known)
