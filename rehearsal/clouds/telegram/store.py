"""What the emulated Telegram keeps, and its clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.kit import store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_TABLES: Final = ("bots", "chats", "messages")


class Store(store.Store):
    """All rows by table and id.

    Args:
        path: The file; None keeps everything in memory.
        seed: What exists before the first call: `bots`, token to `{"username"}`, and `chats`, id to `{"type", "title",
            "username", "bots": {username: standing}}`. A standing is `member`, `administrator`, `restricted`, `kicked`
            or `left`; in a private chat `member` (the person has pressed Start) or `blocked`.
    """

    def __init__(self, path: Path | None, seed: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(path, _TABLES)
        self._ahead = 0.0
        with self.change() as data:
            for table in ("bots", "chats"):
                for key, row in seed.get(table, {}).items():
                    data[table].setdefault(key, row)

    def now(self) -> float:
        """The emulated time in seconds since 1970: the machine's, and what was added to it."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._ahead += seconds
