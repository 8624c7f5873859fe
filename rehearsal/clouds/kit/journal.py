"""The calls that a cloud has had, for tests."""

from __future__ import annotations

import threading
from collections import deque
from typing import Any, Final

_KEPT: Final = 20_000


class Journal:
    """The last calls, oldest first.

    Args:
        bodies: Whether requests' and answers' JSON is kept too; not where it holds secrets.
    """

    def __init__(self, *, bodies: bool = False) -> None:
        self._bodies, self._lock = bodies, threading.Lock()
        self._rows: deque[dict[str, Any]] = deque(maxlen=_KEPT)

    def note(self, method: str, path: str, query: str, status: int, **bodies: Any) -> None:
        """Writes a call into the journal: status 0 where the answer was dropped."""
        row = {"method": method, "path": path, "query": query, "status": status}
        with self._lock:
            self._rows.append(row | bodies if self._bodies else row)

    def rows(self) -> list[dict[str, Any]]:
        """All of it."""
        with self._lock:
            return list(self._rows)

    def clear(self) -> None:
        """Forgets all calls."""
        with self._lock:
            self._rows.clear()
