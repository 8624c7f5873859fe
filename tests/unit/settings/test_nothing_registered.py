"""Configurations with a mistake, given to the program as the engine gives them: it ends before anything is registered.

A sample in make test; the whole, 1,000, in make test-long, or alone:

    HOMEPORT_CAMPAIGN=whole sh homeport/cli/run.sh python -m pytest tests/unit/settings/test_nothing_registered.py
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed
from hypothesis import settings as effort

from tests.support.campaign import chance, size
from tests.unit.settings.mistakes import VALID, mistakes

NAME = "configurations with a mistake"


def made(number):
    """So many mistakes: where each must be named, and the settings with it."""
    found = []

    @seed(chance(NAME).randrange(2**32))
    @effort(
        max_examples=number,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
    )
    @given(mistakes())
    def collect(mistake):
        path, make = mistake
        settings = deepcopy(VALID)
        make(settings)
        found.append((path, settings))

    collect()
    return found


def ran(*configurations):
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("registering.py"))],
        input=json.dumps(configurations),
        capture_output=True,
        text=True,
        check=False,
    )
    assert 0 == done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def configuration(preset, settings):
    return {"homeport:preset": preset, "homeport:settings": json.dumps(settings)}


@pytest.mark.slow
@pytest.mark.campaign
@pytest.mark.req("A-01")
def test_a_mistake_is_named_and_nothing_is_registered():
    found = made(size(NAME))
    assert size(NAME) <= len(found), "as many as were asked for"
    *refused, right = ran(
        *(("customer-a", configuration("vpai", settings)) for _, settings in found),
        ("dev", configuration("ai-orchestrator", {})),
    )

    assert (True, "") == (right[0] > 30, right[1]), "what is right is registered, and counted"
    for (path, _), (registered, said) in zip(found, refused, strict=True):
        assert 0 == registered, f"{path}: {said}"
        assert said.endswith("\n\nNothing was registered and nothing was changed."), said
        problems = [f"{problem.rstrip()}\n" for problem in re.split(r"^  - ", said, flags=re.MULTILINE)[1:]]
        named = [one for one in problems if re.match(rf"homeport:settings\.{re.escape(path)}[.:[]", one)]
        assert named, f"{path} is not named in:\n{said}"
        # Two lines after the last problem say that nothing was registered.
        assert all(len(problem.splitlines()) <= 5 for problem in problems), said
