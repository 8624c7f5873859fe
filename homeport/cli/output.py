"""What a verb shows: a table for people, or one JSON document for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_UNBOUNDED = 10_000
"""Columns of a table that no terminal limits."""
_COLOURS = {"healthy": "green", "unhealthy": "red", "exited": "red", "gone": "red", "restarting": "yellow"}


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table, as wide as it must be; on a terminal no wider than that, with its long cells folded."""
    from rich import box  # noqa: PLC0415  # costs some ten milliseconds, and --json needs none of it
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    console = Console(soft_wrap=False, width=None if sys.stdout.isatty() else _UNBOUNDED, highlight=False)
    table = Table(
        box=box.SIMPLE if console.width < _UNBOUNDED else None, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0)
    )
    for column in columns:
        table.add_column(column.upper(), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    with console.capture() as captured:
        console.print(table)
    # Cells are filled up to their column's width; the last one's blanks would only make lines long.
    print("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))
