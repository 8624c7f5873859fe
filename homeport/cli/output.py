"""What a verb shows: a table for people, or one JSON document for programs."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_UNBOUNDED = 10_000
"""Columns of a table that no terminal limits."""
_FOLDED = 20
"""Characters of a word that may be folded in a table, such as a URL."""
_GAP = "  "
_COLOURS = {"healthy": "green", "unhealthy": "red", "exited": "red", "gone": "red", "restarting": "yellow"}


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def write_json(path: Path, value: object) -> None:
    """The same in the file that --report names.

    Raises:
        ToolError: It cannot be written.
    """
    write(path, json.dumps(value, indent=2) + "\n", "--report")


def write(path: Path, text: str, option: str) -> None:
    """Writes a file that a person has named by an option.

    Raises:
        ToolError: It cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ToolError(
            f"{path}: cannot be written ({error.strerror})\n  fix: name another file with {option}"
        ) from None


def print_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table as wide as it must be.

    On a terminal no wider than that, and a list where a table would not be readable.
    """
    from rich.console import Console  # noqa: PLC0415  # costs some ten milliseconds, and --json needs none of it

    console = Console(width=None if sys.stdout.isatty() else _UNBOUNDED, highlight=False)
    with console.capture() as captured:
        console.print(_table(columns, rows) if console.width >= _readable(columns, rows) else _list(columns, rows))
    # Cells are filled up to their column's width; the last one's blanks would only make lines long.
    print("\n".join(line.rstrip() for line in captured.get().rstrip("\n").split("\n")))


def _readable(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """How wide a terminal must be for a table in which only long words are folded."""
    words = (" ".join(cells).split() for cells in zip(columns, *rows, strict=True))
    return sum(min(max(map(len, column)), _FOLDED) for column in words) + len(_GAP) * (len(columns) - 1)


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    table = Table(box=None, pad_edge=False, padding=(0, len(_GAP), 0, 0))
    for column in columns:
        table.add_column(column.upper(), overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, style=_COLOURS.get(cell, "")) for cell in row))
    return table


def _list(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Any:
    """Each row as a block of lines, its first cell as the title."""
    from rich.text import Text  # noqa: PLC0415

    text = Text(overflow="fold")
    for title, *cells in rows:
        text.append(f"{title}\n", style="bold")
        for column, cell in zip(columns[1:], cells, strict=True):
            text.append(f"{_GAP}{column}: ").append(f"{cell}\n", style=_COLOURS.get(cell, ""))
    return text
