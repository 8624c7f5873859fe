"""State on disk: one JSON document, replaced as a whole, so that a killed emulator leaves the old state or the new one."""

from __future__ import annotations

import copy
import json
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Data = dict[str, dict[str, Any]]
COLLECTIONS: Final = (
    "accounts",
    "api_tokens",
    "zones",
    "settings",
    "dns_records",
    "pagerules",
    "rulesets",
    "tunnels",
    "configurations",
    "apps",
    "policies",
    "groups",
    "identity_providers",
    "service_tokens",
    "keys",
    "revoked",
    "clock",
)


class Store:
    """All records of the emulated cloud, by collection and id.

    Args:
        folder: Where `state.json` lives; made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.folder, self._file = folder, folder / "state.json"
        self._lock = threading.RLock()
        held: Data = json.loads(self._file.read_text(encoding="utf-8")) if self._file.exists() else {}
        self._data: Data = {name: held.get(name, {}) for name in COLLECTIONS}

    @contextmanager
    def change(self) -> Iterator[Data]:
        """The records to change: kept on disk when the block ends, forgotten when it raises. One at a time."""
        with self._lock:
            draft = copy.deepcopy(self._data)
            yield draft
            waiting = self._file.with_suffix(".new")
            waiting.touch(mode=0o600)
            waiting.write_text(json.dumps(draft, indent=1), encoding="utf-8")
            waiting.replace(self._file)
            self._data = draft

    def all(self, collection: str) -> dict[str, Any]:
        """A copy of one collection, id to record, in the order in which they were made."""
        with self._lock:
            return copy.deepcopy(self._data[collection])

    def get(self, collection: str, key: str) -> Any:
        """A copy of one record, None when there is none."""
        with self._lock:
            return copy.deepcopy(self._data[collection].get(key))

    def now(self) -> float:
        """The emulated time in seconds since 1970: the machine's, and what was added to it."""
        with self._lock:
            return time.time() + float(self._data["clock"].get("ahead", 0.0))


def stamp(seconds: float) -> str:
    """A time as the API writes it, such as 2026-01-01T00:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> float:
    """Seconds since 1970 of a time as the API writes it.

    Raises:
        ValueError: The text is no such time.
    """
    return datetime.fromisoformat(text).timestamp()
