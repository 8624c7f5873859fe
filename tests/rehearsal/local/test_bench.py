"""`make bench` in small: one round, homeport beside docker compose, through every table."""

from __future__ import annotations

import pytest

from bench import race
from bench.report import report
from bench.with_compose import Compose
from bench.with_homeport import Homeport

pytestmark = pytest.mark.world


def test_a_round_is_run_to_its_end_and_every_table_has_its_figures():
    result = race.run(1, full=False, kinds=(Homeport, Compose))
    text = report(result)

    assert [] == result.differences, "both did the same work"
    assert "first up at most 0.8 x docker compose: " in text
    assert "first up at most 0.8 x docker compose: not measured" not in text
    assert "no-op up at most 3 x docker compose: not measured" not in text
    assert "A first preview of production" in text, "the last table is there too"
