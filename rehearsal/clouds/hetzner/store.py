"""What the emulated Hetzner Cloud keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.kit import store

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


class Store(store.Store):
    """All rows by table and number.

    Args:
        path: The file; None keeps everything in memory.
        allocate: Gives the id of a new row of a table; without it ids count up.
    """

    def __init__(self, path: Path | None = None, allocate: Callable[[str], int] | None = None) -> None:
        super().__init__(path, TABLES, int, allocate)
