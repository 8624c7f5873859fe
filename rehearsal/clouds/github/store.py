"""What the emulated GitHub keeps, and its clock."""

from __future__ import annotations

import secrets
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.kit import store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Record = dict[str, Any]
_TABLES: Final = (
    *("repositories", "tokens", "runners", "sessions", "runs", "jobs", "statuses"),
    *("issues", "comments", "pulls", "hooks", "deliveries"),
)


class Store(store.Store):
    """All rows by table and id.

    Args:
        path: The file; None keeps everything in memory.
        seed: What exists before the first call: `repositories`, `owner/name` to `{"secrets": {…}, "variables": {…}}`
            with `archived` and `environments` (name to `secrets` and `reviewers`), and `tokens`, a personal access
            token to `{"repositories": {"owner/name": {"<permission>": "read|write"}}}` (`administration`, `actions`,
            `contents`, `issues`, `pull_requests`, `statuses`), with `login` and `association` of whose it is.

    Attributes:
        changed: Notified when something is there for a runner that waits.
    """

    def __init__(self, path: Path | None, seed: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(path, _TABLES)
        self._ahead = 0.0
        self.changed = threading.Condition()
        with self.change() as data:
            for table in ("repositories", "tokens"):
                for key, row in seed.get(table, {}).items():
                    data[table].setdefault(key, {"kind": "personal", **row} if table == "tokens" else row)

    def now(self) -> float:
        """The emulated time in seconds since 1970: the machine's, and what was added to it."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._ahead += seconds

    def put(self, table: str, key: str, row: Record) -> None:
        """Makes or replaces a row, and wakes who waits."""
        with self.change() as data:
            data[table][key] = row
        with self.changed:
            self.changed.notify_all()

    def drop(self, table: str, key: str) -> None:
        """Takes a row away."""
        with self.change() as data:
            data[table].pop(key, None)

    def token(self, prefix: str, **row: Any) -> str:
        """A new token that means what its row says."""
        text = prefix + secrets.token_hex(20)
        self.put("tokens", text, row)
        return text


def stamp(seconds: float) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
