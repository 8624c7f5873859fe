"""Lines of cron, held against what crontab(5) says of them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from homeport.model.schedule import schedule

START = datetime(2028, 2, 27, 0, 0, tzinfo=UTC)  # a Sunday, in a leap year
REFUSED = {
    "": "five fields",
    "* * * *": "five fields",
    "* * * * * *": "five fields",
    "@reboot": "five fields",
    "60 * * * *": "minute",
    "* 24 * * *": "hour",
    "* * 0 * *": "day of the month",
    "* * * 13 *": "month",
    "* * * * 8": "day of the week",
    "5-1 * * * *": "minute",
    "*/0 * * * *": "minute",
    "*/ * * * *": "minute",
    "1,,2 * * * *": "minute",
    "-1 * * * *": "minute",
    "* * * sun *": "month",
    "0 0 31 2 *": "no month",
    "0 0 31 4,6,9,11 *": "no month",
    "0 0 $(id) * *": "day of the month",
    "٣ * * * *": "minute",
}


def runs(line, days=10):
    """The first times after `START`, as text."""
    times, found = schedule(line), []
    for minute in range(days * 24 * 60):
        now = START + timedelta(minutes=minute)
        by_month, by_week = now.day in times.days, now.isoweekday() % 7 in times.weekdays
        today = (by_month or by_week) if times.either else (by_month and by_week)
        if now.minute in times.minutes and now.hour in times.hours and now.month in times.months and today:
            found.append(f"{now:%d %H:%M}")
    return found[:3]


@pytest.mark.req("OS-11")
@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("* * * * *", ["27 00:00", "27 00:01", "27 00:02"]),
        ("30 3 * * *", ["27 03:30", "28 03:30", "29 03:30"]),
        ("*/20 5-6 * * *", ["27 05:00", "27 05:20", "27 05:40"]),
        ("5/25 0 * * *", ["27 00:05", "27 00:30", "27 00:55"]),
        ("0 12 * * mon-wed", ["28 12:00", "29 12:00", "01 12:00"]),
        ("0 12 * * 7", ["27 12:00", "05 12:00"]),
        ("0 12 * * 0", ["27 12:00", "05 12:00"]),
        ("0 0 1 MAR *", ["01 00:00"]),
        ("0 0 29 2 *", ["29 00:00"]),
        # Both restricted: either is right; one that begins with a star is no restriction.
        ("0 0 1 * sun", ["27 00:00", "01 00:00", "05 00:00"]),
        ("0 0 */2 * sun", ["27 00:00", "05 00:00"]),
        ("@daily", ["27 00:00", "28 00:00", "29 00:00"]),
        (" @Weekly ", ["27 00:00", "05 00:00"]),
    ],
)
def test_a_line_means_the_times_that_cron_would_run_at(line, expected):
    assert expected == runs(line)


@pytest.mark.req("OS-11")
@pytest.mark.parametrize("line", REFUSED)
def test_what_is_no_line_of_cron_or_never_comes_is_refused_by_its_field(line):
    with pytest.raises(ValueError, match=REFUSED[line]) as refused:
        schedule(line)

    assert not line or line not in str(refused.value), "no value is repeated"
