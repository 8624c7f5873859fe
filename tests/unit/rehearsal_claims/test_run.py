"""The runner: passes, failures, errors and worthless claims are told apart, and only passes count."""

import json
from dataclasses import replace

import pytest

from rehearsal.claims.claim import Claim
from rehearsal.claims.run import check, chosen, run

GOOD = Claim(
    name="doors-shut",
    rows=("S2-31", "B-01"),
    says="only the declared doors are open",
    observe=lambda world: world["open"],
    value=sorted,
    expected=lambda _: [22],
    spoil=lambda ports: [*ports, 5432],
)
WORLD = {"open": [22]}


def broken(_):
    raise RuntimeError("the scanner is no more")


@pytest.mark.parametrize(
    ("claim", "world", "state", "got"),
    [
        (GOOD, WORLD, "passed", "[22]"),
        (GOOD, {"open": [80, 22]}, "failed", "[22, 80]"),
        (GOOD, {"open": []}, "failed", "[]"),
        (replace(GOOD, observe=broken), WORLD, "error", "RuntimeError: the scanner is no more"),
        (replace(GOOD, expected=broken), WORLD, "error", "RuntimeError: the scanner is no more"),
        (replace(GOOD, spoil=list), WORLD, "worthless", "[22]"),
        (replace(GOOD, spoil=broken), WORLD, "error", "RuntimeError: the scanner is no more"),
    ],
)
def test_a_claim_ends_in_one_of_four_ways(claim, world, state, got):
    result = check(claim, world)
    assert (state, got) == (result.state, result.got), "and it says what was found"


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ([GOOD], 0),
        ([], 1),
        ([GOOD, replace(GOOD, name="other", observe=broken)], 1),
        ([GOOD, replace(GOOD, name="other", spoil=list)], 1),
        ([GOOD, replace(GOOD, name="other", expected=lambda _: [])], 1),
    ],
)
def test_a_run_is_good_only_when_every_claim_passed(claims, code):
    lines = []
    assert code == run(claims, WORLD, lines.append).code, "no claims at all is no good run either"
    assert len(claims) + 1 == len(lines), "one line each, and the count"


def test_a_failure_is_told_with_what_was_expected_and_found(tmp_path):
    lines = []
    report = run([GOOD], {"open": [22, 9000]}, lines.append)
    for word in ("failed", "doors-shut", "S2-31,B-01", "expected [22]", "got      [22, 9000]"):
        assert word in lines[0], "all in one place"
    report.write(tmp_path / "report.json")
    told = json.loads((tmp_path / "report.json").read_text())
    assert ({"passed": 0, "failed": 1, "error": 0, "worthless": 0}, "[22]") == (
        told["counts"],
        told["claims"][0]["expected"],
    ), "as JSON"


def test_a_claim_without_a_negative_control_says_who_has_it():
    with pytest.raises(ValueError, match="doors-shut has no negative control"):
        replace(GOOD, spoil=None)
    result = check(replace(GOOD, spoil=None, broken="claim one-layer-alone"), WORLD)
    assert "claim one-layer-alone" == result.control, "the report names it"


def test_claims_are_chosen_by_name_or_row():
    claims = [GOOD, replace(GOOD, name="other", rows=("S2-10",))]
    assert ["other"] == [claim.name for claim in chosen(claims, ["S2-10"])], "by row"
    assert ["doors-shut"] == [claim.name for claim in chosen(claims, ["doors-shut"])], "by name"
    assert claims == chosen(claims, []), "all"
    with pytest.raises(ValueError, match="no claim is called nonsense"):
        chosen(claims, ["nonsense"])


def test_two_claims_of_one_name_are_refused():
    with pytest.raises(ValueError, match="doors-shut"):
        run([GOOD, GOOD], WORLD)
