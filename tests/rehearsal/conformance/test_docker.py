"""The docker stand-in answers as the official plugin did, on a real daemon."""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path

import pytest

from tests.rehearsal.conformance.busybox_image import BusyboxImage, absence
from tests.rehearsal.conformance.replay import Replay
from tests.rehearsal.conformance.rules.docker import RULES
from tests.rehearsal.conformance.suite import Replays, launch, parameters

PACKAGE, VERSION = "docker", "5.2.0"

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(absence()), reason=absence() or "-")]


@pytest.fixture(scope="module")
def replays():
    # The recordings name their containers, networks and a port: two runs at once on one daemon would meet there.
    with (Path(tempfile.gettempdir()) / "homeport-docker-conformance.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        image = BusyboxImage()
        image.make()
        running = Replays(lambda target, scenario: Replay(scenario, {PACKAGE: launch(target, PACKAGE, VERSION)}, RULES))
        try:
            yield running
        finally:
            running.close()
            image.remove()


@pytest.mark.parametrize(("target", "scenario", "step"), parameters(PACKAGE, VERSION))
def test_every_recorded_call_gets_the_recorded_answer(replays, target, scenario, step):
    mismatches = replays.of(target, scenario).mismatches(step.index)
    assert [] == mismatches, f"{target} differs from the recording:\n" + "\n".join(mismatches)
