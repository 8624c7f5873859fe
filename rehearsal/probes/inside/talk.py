"""How a program inside talks with the one that started it."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def told() -> dict[str, Any]:
    """The one line that says what to do."""
    order: dict[str, Any] = json.loads(sys.stdin.buffer.readline())
    return order


def say(answer: object) -> None:
    """One line of the answer."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def until_end() -> threading.Event:
    """An event that is set when standard input ends: the other side has said stop, or is no more."""
    over = threading.Event()

    def wait() -> None:
        while sys.stdin.buffer.readline():
            pass
        over.set()

    threading.Thread(target=wait, daemon=True).start()
    return over


def ranges(numbers: Iterable[int]) -> list[list[int]]:
    """Numbers as pairs of first and last: 1, 2, 3, 7 are [1, 3] and [7, 7]."""
    pairs: list[list[int]] = []
    for number in sorted(numbers):
        if pairs and number == pairs[-1][1] + 1:
            pairs[-1][1] = number
        else:
            pairs.append([number, number])
    return pairs
