"""Which suites a run has, and that none is left out for good."""

import pytest

from homeport.cli import testing
from homeport.cli.testing import LONG, STAGES
from rehearsal.claims.expected import hosts, systems
from rehearsal.claims.systems import CLAIMS
from tests.support import campaign, turns
from tests.support.checkout import ROOT

PATHS = [start for turn in turns.TURNS.values() for start in turn.suites]
PLATFORM, SHARED = "tests/rehearsal/platform/test_dev.py", "tests/rehearsal/shared/test_dev.py"


@pytest.fixture
def seeded(monkeypatch):
    def seed(number, *, whole=False):
        monkeypatch.setattr(campaign, "SEED", str(number))
        monkeypatch.setattr(campaign, "WHOLE", whole)

    return seed


@pytest.mark.parametrize("path", PATHS)
def test_what_has_its_turn_is_there_and_has_one(path):
    there = ROOT / "tests/rehearsal" / path

    assert there.is_dir() if path.endswith("/") else there.is_file(), "what has moved would be in every run"
    assert 1 == len([other for other in PATHS if path.startswith(other)]), "in two sets it would have the first's turn"


def test_a_run_has_one_set_of_suites_and_no_other(seeded):
    for number in range(50):
        seeded(number)
        there = {path for path in PATHS if not turns.waits(f"tests/rehearsal/{path}x")}
        assert {*turns.TURNS[turns.turn()].suites} == there, "as many as there is time for"


def test_over_some_runs_every_set_has_its_turn(seeded):
    drawn = set()
    for number in range(60):
        seeded(number)
        drawn.add(turns.turn())

    assert {*turns.TURNS} == drawn


def test_the_same_seed_has_the_same_turn_and_tells_it(seeded):
    seeded(7)
    first = [turns.waits(PLATFORM), turns.waits(SHARED), turns.told()]
    seeded(7)

    assert first == [turns.waits(PLATFORM), turns.waits(SHARED), turns.told()], "lanes must have the same tests"
    assert turns.turn() in turns.told(), "a reader of the run sees what it had"


def test_what_is_of_no_set_is_in_every_run(seeded):
    for number in range(20):
        seeded(number)
        assert not turns.waits("tests/rehearsal/production/test_production.py")
        assert not turns.waits("apps/memory/tests/shared/test_it.py"), "only what is below tests/rehearsal"


@pytest.mark.req("O-07")
def test_what_shows_that_a_hardened_host_takes_updates_is_in_every_run(seeded):
    """A second update finds nothing to do, 64 logins at once all pass, a boot brings everything back."""
    claims = {"second-preview-empty", "reboot-opens-nothing"}
    paths = ("production/test_production.py", "production/test_life.py", "host/test_host.py")

    assert claims <= {claim.name for claim in CLAIMS["jett"]}, "each rehearsal of production asks them"
    for number in range(20):
        seeded(number)
        assert [] == [path for path in paths if turns.waits(f"tests/rehearsal/{path}")], "whatever a change hardens"
    for path in paths:
        assert "pytest.mark.long" not in (ROOT / "tests/rehearsal" / path).read_text(), f"{path}: nothing of it waits"


def test_the_long_stage_has_every_set(seeded):
    seeded(7, whole=True)

    assert not turns.waits(PLATFORM) and not turns.waits(SHARED)
    assert "turn" in STAGES[LONG][-1], "by the mark that their tests get"


def test_each_turn_rehearses_a_preset_of_a_single_host_and_over_all_turns_each():
    single = {preset for preset in systems() if len(hosts(preset)) == 1} - {"jett"}

    assert single == {turn.rehearsed for turn in turns.TURNS.values()}
    assert {*systems()} - {"jett"} == single | {name for turn in turns.TURNS.values() for name in turn.presets}


def test_a_run_brings_up_jett_and_the_presets_that_have_their_turn_and_builds_their_images_first(seeded, monkeypatch):
    for number in range(20):
        seeded(number)
        turn = turns.TURNS[turns.turn()]
        assert {"jett", turn.rehearsed, *turn.presets} == set(turns.presets())

    monkeypatch.setenv("HOMEPORT_SEED", str(number))
    assert turns.presets() == testing._of_this_run(), "by the same seed"
