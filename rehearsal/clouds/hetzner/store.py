"""State of the emulated cloud, in memory and in one file that is always complete."""

from __future__ import annotations

import json
import os
import threading
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Row = dict[str, Any]
TABLES: Final = (
    "ssh_keys",
    "firewalls",
    "primary_ips",
    "floating_ips",
    "networks",
    "volumes",
    "placement_groups",
    "servers",
    "actions",
)
_FIRST_ID: Final = 1000


class Store:
    """Tables of rows by id.

    Args:
        path: The file; None keeps everything in memory. It is replaced as a whole, so a kill leaves the last complete state.
        allocate: Gives the id of a new row of a table; without it ids count up.
    """

    def __init__(self, path: Path | None = None, allocate: Callable[[str], int] | None = None) -> None:
        self.lock = threading.RLock()
        self._path, self._allocate = path, allocate
        self._next = _FIRST_ID
        self._tables: dict[str, dict[int, Row]] = {name: {} for name in TABLES}
        if path is not None and path.exists():
            self._load(json.loads(path.read_text(encoding="utf-8")))

    def _load(self, saved: Row) -> None:
        self._next = saved["next_id"]
        for name, rows in saved["tables"].items():
            self._tables[name] = {int(number): row for number, row in rows.items()}

    def new_id(self, table: str) -> int:
        """An id that no resource had before."""
        with self.lock:
            number = self._next if self._allocate is None else self._allocate(table)
            self._next = max(self._next, number) + 1
            return number

    def table(self, name: str) -> dict[int, Row]:
        """All rows of a table, to be read and changed under `lock`."""
        return self._tables[name]

    def save(self) -> None:
        """Writes everything that was changed; returns when it is on disk."""
        if self._path is None:
            return
        with self.lock:
            text = json.dumps({"next_id": self._next, "tables": self._tables})
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._path.with_name(f"{self._path.name}.new")
            with fresh.open("w", encoding="utf-8") as file:
                # Keys and user data of a rehearsal are nobody else's business either.
                os.fchmod(file.fileno(), 0o600)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(self._path)
