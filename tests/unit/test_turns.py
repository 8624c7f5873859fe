"""Which suites a run has, and that none is left out for good."""

import pytest

from homeport.cli import testing
from homeport.cli.testing import LONG, STAGES
from rehearsal.claims.expected import hosts, systems
from tests.support import campaign, turns
from tests.support.checkout import ROOT

PATHS = [start for suites in turns.TURNS.values() for starts in suites.values() for start in starts]
PLATFORM, SHARED = "tests/rehearsal/platform/test_dev.py", "tests/rehearsal/shared/test_dev.py"


@pytest.fixture
def seeded(monkeypatch):
    def seed(number, *, whole=False):
        monkeypatch.setattr(campaign, "SEED", str(number))
        monkeypatch.setattr(campaign, "WHOLE", whole)

    return seed


@pytest.mark.parametrize("path", PATHS)
def test_what_has_its_turn_is_there(path):
    there = ROOT / "tests/rehearsal" / path

    assert there.is_dir() if path.endswith("/") else there.is_file(), "what has moved would be in every run"


def test_a_run_has_one_suite_of_each_kind(seeded):
    for number in range(50):
        seeded(number)
        for suites in turns.TURNS.values():
            waiting = {name for name, (start, *_) in suites.items() if turns.waits(f"tests/rehearsal/{start}x")}
            assert 1 == len(suites) - len(waiting), "as many as there is time for"


def test_over_some_runs_every_suite_has_its_turn(seeded):
    drawn = set()
    for number in range(40):
        seeded(number)
        drawn |= {(kind, turns.turn(kind)) for kind in turns.TURNS}

    assert {(kind, name) for kind, suites in turns.TURNS.items() for name in suites} == drawn


def test_the_same_seed_has_the_same_turns_and_tells_them(seeded):
    seeded(7)
    first = [turns.waits(PLATFORM), turns.waits(SHARED), turns.told()]
    seeded(7)

    assert first == [turns.waits(PLATFORM), turns.waits(SHARED), turns.told()], "lanes must have the same tests"
    assert f"presets: {turns.turn('presets')}" in turns.told(), "a reader of the run sees what it had"


def test_what_is_of_no_suite_is_in_every_run(seeded):
    for number in range(20):
        seeded(number)
        assert not turns.waits("tests/rehearsal/production/test_production.py")
        assert not turns.waits("apps/memory/tests/shared/test_it.py"), "only what is below tests/rehearsal"


def test_the_long_stage_has_every_suite(seeded):
    seeded(7, whole=True)

    assert not turns.waits(PLATFORM) and not turns.waits(SHARED)
    assert "turn" in STAGES[LONG][-1], "by the mark that their tests get"


def test_a_turn_of_presets_rehearses_one_of_a_single_host_and_over_all_turns_each():
    single = {preset for preset in systems() if len(hosts(preset)) == 1} - {"jett"}

    assert [*turns.TURNS["presets"]] == [*turns.REHEARSED]
    assert single == {*turns.REHEARSED.values()}


def test_a_run_brings_up_jett_and_the_presets_that_have_their_turn_and_builds_their_images_first(seeded, monkeypatch):
    for number in range(20):
        seeded(number)
        name = turns.turn("presets")
        assert {"jett", name, turns.REHEARSED[name]} == set(turns.presets())

    monkeypatch.setenv("HOMEPORT_SEED", str(number))
    assert turns.presets() == testing._of_this_run(), "by the same seed"
