"""The one way of the tests to wait: for a condition, never for a time."""

from __future__ import annotations

import time


def until(check, why: str, seconds: float = 60):
    """The first true answer.

    A failure with the reason after that many seconds, which are for a computer that does much else at the same time.
    """
    end = time.monotonic() + seconds
    while not (answer := check()):
        assert time.monotonic() < end, f"not within {seconds} s: {why}"
        time.sleep(0.1)
    return answer
