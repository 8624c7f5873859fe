"""The benchmark's own arithmetic: no time is asserted anywhere, only what is made of times."""

import pytest

from bench import figures, inspected
from bench.figures import Sample, Spread, Target
from bench.previews import EMPTY, PREVIEW, PRODUCTION
from bench.race import OPERATIONS, Result
from bench.report import report


def samples(**seconds):
    """``homeport=(1, 2)``: what each contestant took in round 0 and in round 1."""
    return [
        Sample(number, "up", contestant.replace("_", " "), one, one / 2)
        for contestant, row in seconds.items()
        for number, one in enumerate(row)
    ]


def test_a_ratio_is_taken_within_a_round_and_its_median_over_the_rounds():
    found = figures.ratios(samples(homeport=(2, 30, 9), other=(1, 10, 3)), "up", "homeport", "other")
    assert Spread(3, 2, 3) == found, "medians of the wall times alone would give 9 / 3, and hide the first round"


def test_a_round_that_one_of_them_did_not_finish_counts_for_none():
    found = figures.ratios(samples(homeport=(2, 30), other=(1,)), "up", "homeport", "other")
    assert Spread(2, 2, 2) == found, "a figure is only set against one of its own round"


def test_a_ratio_against_another_operation_names_both():
    found = [Sample(0, "refreshing", "homeport", 6), Sample(0, "up", "other", 2)]
    assert Spread(3, 3, 3) == figures.ratios(found, "refreshing", "homeport", "other", "up"), "6 s against 2 s"
    assert None is figures.ratios(found, "refreshing", "homeport", "other"), "the other did not refresh"


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [((3,), "met, 1.50"), ((3.1,), "not met, 1.55"), ((2, 9, 3), "met, 1.50 (1.00-4.50)"), ((), "not measured")],
)
def test_a_target_is_met_by_the_median_and_by_its_very_limit(seconds, expected):
    target = Target(operation="up", other="other", most=1.5)
    said = figures.verdict(samples(homeport=seconds, other=(2,) * len(seconds)), target, "homeport")
    assert said.endswith(expected), f"up at most 1.5 x other: {seconds} against 2 s each"


def test_a_single_figure_is_said_without_a_range():
    assert "1.5 s" == Spread(1.5, 1.5, 1.5).said(1, "s"), "a range of one figure says nothing"
    assert "2.0 (1.0-4.0)" == Spread(2, 1, 4).said(1), "median, then the range"


def test_a_table_has_as_many_cells_in_every_row_as_in_its_head():
    lines = figures.table([["a", "b"], ["long cell", ""]]).splitlines()
    assert {3} == {line.count("|") for line in lines}, "two columns have three bars"
    assert 1 == len({len(line) for line in lines}), "a terminal shows it aligned"


def test_differences_name_service_and_key_and_both_values():
    one = {"db": {"User": "999", "Memory": 1}, "cache": {"User": "1"}}
    other = {"db": {"User": "0", "Memory": 1}}
    expected = ["cache.User: '1', None", "db.User: '999', '0'"]
    assert expected == inspected.differences(one, other), "what is missing altogether differs too"
    assert [] == inspected.differences(one, one), "the same is no difference"


def test_the_report_says_what_was_measured_and_that_a_target_was_missed():
    result = Result(
        samples=[
            Sample(0, operation, contestant, seconds, seconds)
            for operation in OPERATIONS
            for contestant, seconds in (("homeport", 40.0), ("docker compose", 10.0), ("Ansible", 200.0))
        ]
        + [Sample(0, PREVIEW, PRODUCTION, 4.0), Sample(0, PREVIEW, EMPTY, 1.0)],
        program=[{"start": 0.1, "imports": 0.5, "graph": 0.2, "whole": 0.8, "resources": 45}],
        production=[{"start": 0.1, "imports": 1.5, "graph": 0.4, "whole": 2.0, "resources": 80}],
        versions={"plugin docker 5.2.0": "stand-in"},
        differences=["Ansible: db.User: '999', '0'"],
        services=("db",),
    )
    text = report(result)
    assert "stand-in" in text, "which plugins were in use decides what the figures mean"
    assert "first up at most 0.8 x docker compose: not met, 4.00" in text, "40 s against 10 s"
    assert "no-op up at most 0.3 x Ansible: met, 0.20" in text, "40 s against 200 s"
    assert "4.00" in text and "at most 3: not met" in text, (
        "a preview of production, 4 s against an empty program's 1 s"
    )
    assert "80" in text, "the program alone with production too"
    assert "`Ansible: db.User: '999', '0'`" in text, "work that was not the same is named"
