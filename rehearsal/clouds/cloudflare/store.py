"""What the emulated Cloudflare keeps, and its clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from rehearsal.clouds.kit import store
from rehearsal.clouds.kit.store import Data

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Data", "Store", "moment", "stamp"]
TABLES: Final = (
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


class Store(store.Store):
    """All records by table and id.

    Args:
        folder: Where `state.json` lives; made when it is not there.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "state.json", TABLES)

    def now(self) -> float:
        """The emulated time in seconds since 1970: the machine's, and what was added to it."""
        with self.lock:
            return time.time() + float(self.table("clock").get("ahead", 0.0))


def stamp(seconds: float) -> str:
    """A time as the API writes it, such as 2026-01-01T00:00:00Z."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(text: str) -> float:
    """Seconds since 1970 of a time as the API writes it.

    Raises:
        ValueError: The text is no such time.
    """
    return datetime.fromisoformat(text).timestamp()
