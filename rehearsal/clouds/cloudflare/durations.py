"""Durations in Go's notation, such as 24h or 2h45m, as Access takes them."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)")


def seconds(text: str) -> float:
    """The duration in seconds.

    Raises:
        ValueError: The text is no duration.
    """
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        raise ValueError(f"{text!r} is no duration such as 24h or 30m")
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))
