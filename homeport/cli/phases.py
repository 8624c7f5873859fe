"""Phase lines: what is done now, and how long it took; a total at the end."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOO_SHORT = 0.5
"""Seconds below which a phase's time is not worth a line."""


def counted(number: int, noun: str) -> str:
    """A number and what it counts: one part, two parts."""
    return f"{number} {noun}{'s' * (number != 1)}"


def say(line: str) -> None:
    """One line for the person, at once; standard output is left to what was asked for."""
    sys.stdout.flush()
    print(line, file=sys.stderr, flush=True)


@contextmanager
def phase(what: str) -> Iterator[None]:
    """Announces `what` and, once it went well, says how long it took."""
    say(f"==> {what}")
    began = time.monotonic()
    yield
    seconds = time.monotonic() - began
    if seconds >= _TOO_SHORT:
        say(f"    {duration(seconds)}")


def total(what: str) -> None:
    """The last line: how long everything took, the Python environment included."""
    began = float(os.environ.get("HOMEPORT_STARTED") or time.time())
    say(f"==> {what} in {duration(max(time.time() - began, 0))}")


def duration(seconds: float) -> str:
    """Seconds for people: `4.2 s`, `3 min 20 s`."""
    if seconds < 60:  # noqa: PLR2004  # a minute
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
