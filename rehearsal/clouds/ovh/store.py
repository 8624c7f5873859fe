"""What the emulated OVH keeps, and its clock."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.kit import store

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

Record = dict[str, Any]
_TABLES: Final = ("applications", "consumers", "zones", "records")
_FIRST_SERIAL: Final = 2026010101


class Store(store.Store):
    """All rows by table and id.

    Args:
        path: The file; None keeps everything in memory.
        seed: What exists before the first call: `applications`, key to `{"secret"}`; `consumers`, key to
            `{"application", "status", "rules": [{"method", "path"}]}`; `zones`, name to `{"nameservers": {host name:
            IPv4 address}}`.
    """

    def __init__(self, path: Path | None, seed: Mapping[str, Mapping[str, Any]]) -> None:
        super().__init__(path, _TABLES)
        self._ahead = 0.0
        with self.change() as data:
            for table in ("applications", "consumers"):
                for key, row in seed.get(table, {}).items():
                    data[table].setdefault(key, row)
            for name, row in seed.get("zones", {}).items():
                data["zones"].setdefault(name, {"nameservers": {}, "serial": _FIRST_SERIAL, "served": [], **row})

    def now(self) -> float:
        """The emulated time in seconds since 1970: the machine's, and what was added to it."""
        return time.time() + self._ahead

    def advance(self, seconds: float) -> None:
        """Lets time pass."""
        self._ahead += seconds

    def of_zone(self, zone: str) -> list[Record]:
        """Copies of a zone's records as the API shows them, whether served or not."""
        return [row for row in self.all("records").values() if row["zone"] == zone]

    def refresh(self, zone: str) -> None:
        """Serves a zone's records as they are now, under a new serial."""
        with self.change() as data:
            rows = [row for row in data["records"].values() if row["zone"] == zone]
            data["zones"][zone] |= {"served": rows, "serial": data["zones"][zone]["serial"] + 1}

    def deployed(self, zone: str) -> bool:
        """Whether a zone's name servers serve what the API shows."""
        return bool(self.get("zones", zone)["served"] == self.of_zone(zone))
