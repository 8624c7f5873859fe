"""What the emulated Infisical keeps, and its clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.kit import store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TABLES: Final = ("projects", "identities", "secrets")


class Store(store.Store):
    """All rows by table and id.

    Args:
        path: The file; None keeps everything in memory.
        seed: What exists before the first call: `projects`, id to `{"environments": {slug: {"imports": [slug…],
            "approval": bool}}}`, and `identities`, client id to `{"secret", "ttl", "projects": {id: level}}`. A level
            is `describe`, `read` or `edit`, for all environments or by their slugs.
    """

    def __init__(self, path: Path | None, seed: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(path, _TABLES)
        self._ahead = 0.0
        with self.change() as data:
            for table in ("projects", "identities"):
                for key, row in seed.get(table, {}).items():
                    data[table].setdefault(key, row)

    def now(self) -> float:
        """The emulated time in seconds since 1970: the machine's, and what was added to it."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._ahead += seconds


def stamp(seconds: float) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
