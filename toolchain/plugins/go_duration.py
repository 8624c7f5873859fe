"""Go's durations: what the daemon counts in nanoseconds and the provider shows as "1m30s"."""

from __future__ import annotations

import re
from typing import Final

_UNITS: Final = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART: Final = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")


def parse(written: str) -> int:
    """Nanoseconds of a duration such as "1m30s"; raises ValueError for anything that Go does not take."""
    sign = -1 if written.startswith("-") else 1
    body = written[1:] if written[:1] in {"+", "-"} else written
    if body == "0":
        return 0
    position, total = 0, 0
    for part in _PART.finditer(body):
        if part.start() != position:
            break
        whole, _, fraction = part[1].partition(".")
        unit = _UNITS[part[2]]
        total += int(whole or 0) * unit
        if fraction:
            total += int(fraction) * unit // 10 ** len(fraction)
        position = part.end()
    if position == 0 or position != len(body):
        raise ValueError(written)
    return sign * total


def show(nanoseconds: int) -> str:
    """The duration as Go writes it: "0s", "1.5ms", "90s" never, "1m30s" instead."""
    if nanoseconds == 0:
        return "0s"
    if nanoseconds < 0:
        return "-" + show(-nanoseconds)
    for name, unit in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if nanoseconds < 1_000 * unit:
            return _decimal(nanoseconds, unit) + name
    minutes, rest = divmod(nanoseconds, 60_000_000_000)
    hours, minutes = divmod(minutes, 60)
    seconds = _decimal(rest, 1_000_000_000) + "s"
    if hours:
        return f"{hours}h{minutes}m{seconds}"
    return f"{minutes}m{seconds}" if minutes else seconds


def _decimal(value: int, unit: int) -> str:
    whole, fraction = divmod(value, unit)
    digits = f"{fraction:0{len(str(unit)) - 1}d}".rstrip("0") if fraction else ""
    return f"{whole}.{digits}" if digits else str(whole)
