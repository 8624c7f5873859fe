"""State of an emulated cloud, in memory and in one file that is always complete."""

from __future__ import annotations

import copy
import json
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from rehearsal.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

Data = dict[str, dict[Any, Any]]
_FIRST_ID: Final = 1000


class Store:
    """Tables of rows by id.

    Args:
        path: The file; None keeps everything in memory. Its folder is made when it is not there, for its owner alone.
        tables: Their names.
        key: What an id is, given its text.
        allocate: Gives the number of a new row of a table; without it numbers count up.
    """

    def __init__(
        self,
        path: Path | None,
        tables: Sequence[str],
        key: Callable[[str], Any] = str,
        allocate: Callable[[str], int] | None = None,
    ) -> None:
        self.lock = threading.RLock()
        self.path, self._allocate = path, allocate
        saved: dict[str, Any] = {}
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            saved = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._next: int = saved.get("next_id", _FIRST_ID)
        # A state of Cloudflare's that was written before the clouds had one store has its tables at the top.
        rows = saved.get("tables", saved)
        self._tables: Data = {name: {key(text): row for text, row in rows.get(name, {}).items()} for name in tables}

    def new_id(self, table: str) -> int:
        """A number that no resource had before."""
        with self.lock:
            number = self._next if self._allocate is None else self._allocate(table)
            self._next = max(self._next, number) + 1
            return number

    def table(self, name: str) -> dict[Any, Any]:
        """All rows of a table, to be read and changed under `lock` and then saved."""
        return self._tables[name]

    def save(self) -> None:
        """Writes everything that was changed; returns when it is on disk."""
        with self.lock:
            self._write(self._tables)

    def _write(self, tables: Data) -> None:
        if self.path is not None:
            write_whole(self.path, json.dumps({"next_id": self._next, "tables": tables}))

    @contextmanager
    def change(self) -> Iterator[Data]:
        """A draft of all tables: kept on disk when the block ends, forgotten when it raises. One at a time.

        Rows that `table` gave out before are no longer the store's afterwards.
        """
        with self.lock:
            draft = copy.deepcopy(self._tables)
            yield draft
            self._write(draft)
            self._tables = draft

    def all(self, table: str) -> dict[Any, Any]:
        """A copy of one table, id to row, in the order in which they were made."""
        with self.lock:
            return copy.deepcopy(self._tables[table])

    def get(self, table: str, key: Any) -> Any:
        """A copy of one row, None when there is none."""
        with self.lock:
            return copy.deepcopy(self._tables[table].get(key))
