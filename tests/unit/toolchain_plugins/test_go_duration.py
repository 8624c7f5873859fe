from __future__ import annotations

import re

import pytest

from toolchain.plugins import go_duration

# Pairs of what a user writes and what Go's Duration.String() makes of it.
WRITTEN = [
    ("0", "0s"),
    ("0s", "0s"),
    ("10s", "10s"),
    ("60s", "1m0s"),
    ("90s", "1m30s"),
    ("3600s", "1h0m0s"),
    ("1h30m", "1h30m0s"),
    ("1.5s", "1.5s"),
    (".5m", "30s"),
    ("100ms", "100ms"),
    ("1500us", "1.5ms"),
    ("2µs", "2µs"),
    ("7ns", "7ns"),
    ("-2m", "-2m0s"),
]


@pytest.mark.parametrize(("written", "shown"), WRITTEN)
def test_a_duration_comes_back_in_gos_own_form(written, shown):
    assert shown == go_duration.show(go_duration.parse(written)), f"{written} is shown wrongly"


@pytest.mark.parametrize("nonsense", ["", "10", "s", "1 s", "1s 2s", "1x", "1s1", "--1s"])
def test_what_go_does_not_take_is_refused(nonsense):
    with pytest.raises(ValueError, match="^" + re.escape(nonsense) + "$"):
        go_duration.parse(nonsense)
