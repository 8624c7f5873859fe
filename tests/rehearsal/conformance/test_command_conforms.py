"""The command stand-in answers as the official plugin did."""

from __future__ import annotations

import pytest

from tests.rehearsal.conformance.replay import Replay
from tests.rehearsal.conformance.rules.command import RULES
from tests.rehearsal.conformance.suite import Replays, launch, parameters

PACKAGE, VERSION = "command", "1.2.1"


@pytest.fixture(scope="module")
def replays():
    running = Replays(lambda target, scenario: Replay(scenario, {PACKAGE: launch(target, PACKAGE, VERSION)}, RULES))
    yield running
    running.close()


@pytest.mark.parametrize(("target", "scenario", "step"), parameters(PACKAGE, VERSION))
def test_every_recorded_call_gets_the_recorded_answer(replays, target, scenario, step):
    mismatches = replays.of(target, scenario).mismatches(step.index)
    assert [] == mismatches, f"{target} differs from the recording:\n" + "\n".join(mismatches)
