"""A line of cron as values: the minutes, hours and days that it names.

The fields as crontab(5) of Debian's cron and POSIX have them: lists, ranges, steps, names of months and days, and
either of the two kinds of days where both are restricted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_PART = re.compile(r"(?P<any>\*)|(?P<first>[0-9]{1,2}|[a-z]{3})(?:-(?P<last>[0-9]{1,2}|[a-z]{3}))?")
_FIELDS = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day of the month", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("day of the week", 0, 7, _DAYS),
)
_LENGTHS = {1: 31, 2: 29, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
_SUNDAY = 7


@dataclass(frozen=True, kw_only=True)
class Schedule:
    """When something runs, in UTC.

    Attributes:
        minutes: Of an hour.
        hours: Of a day.
        days: Of a month.
        months: 1 is January.
        weekdays: 0 is Sunday.
        either: Whether a day is right by the month or by the week; else by both.
    """

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    either: bool


def schedule(line: str) -> Schedule:
    """The times that a line of cron names.

    Raises:
        ValueError: It is none, or names a day that never comes; the message says which field, and holds nothing of it.
    """
    fields = _SHORT.get(line.strip().lower(), line).lower().split()
    if len(fields) != len(_FIELDS):
        raise ValueError("must be five fields of cron, such as 30 3 * * *, or @daily")
    minutes, hours, days, months, weekdays = (_field(text, *how) for text, how in zip(fields, _FIELDS, strict=True))
    # crontab(5): "if both fields are restricted (i.e., don't start with *), the command will be run when either field
    # matches".
    either = not fields[2].startswith("*") and not fields[4].startswith("*")
    if not either and not any(day <= _LENGTHS[month] for day in days for month in months):
        raise ValueError("names a day that no month of it has")
    weekdays = tuple(sorted({day % _SUNDAY for day in weekdays}))
    return Schedule(minutes=minutes, hours=hours, days=days, months=months, weekdays=weekdays, either=either)


def _field(text: str, name: str, low: int, high: int, words: tuple[str, ...]) -> tuple[int, ...]:
    found: set[int] = set()
    for part in text.split(","):
        span, _, step = part.partition("/")
        match = _PART.fullmatch(span)
        if match is None or (step and not re.fullmatch("[1-9][0-9]?", step)) or part.endswith("/"):
            raise ValueError(f"its {name} must be *, a number from {low} to {high}, a range, a step or a list of them")
        first = low if match["any"] else _number(match["first"], words, low)
        last = high if match["any"] or (step and not match["last"]) else _number(match["last"] or span, words, low)
        if not low <= first <= last <= high:
            raise ValueError(f"its {name} must be from {low} to {high}, the lower number first")
        found |= set(range(first, last + 1, int(step or 1)))
    return tuple(sorted(found))


def _number(text: str, words: tuple[str, ...], low: int) -> int:
    """The number that a text means; -1 where it is no word of the field."""
    if text.isdigit():
        return int(text)
    return words.index(text) + (low if words is _MONTHS else 0) if text in words else -1
