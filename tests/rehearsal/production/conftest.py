"""Production, rehearsed.

Brought up once for all modules of this folder but the kills, which have a rehearsal of their own.
"""

from __future__ import annotations

import os
import subprocess

import pytest

from tests.support.checkout import ROOT
from tests.support.command import make
from tests.support.production import ASKED, Rehearsed
from tests.support.rehearsed_settings import own_settings


def _git() -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def _rehearsal():
    """Production, rehearsed, for all modules that look at it: what a person types, and what it left up.

    With HOMEPORT_REHEARSED=1 a rehearsal that is up already is used as it is, and left up.
    """
    if os.environ.get("HOMEPORT_REHEARSED") == "1" and (ASKED.folder / "world" / "world.json").is_file():
        yield Rehearsed()
        return
    with own_settings(ASKED.preset):
        # A run that was cut off may have left half a rehearsal.
        gone = make("rehearse-down", timeout=900)
        assert gone.returncode == 0, gone.stdout
        before = _git()
        done = make("rehearse", timeout=2400)
    yield Rehearsed(done.stdout, done.returncode, (before, _git()))
    with own_settings(ASKED.preset):
        make("rehearse-down", timeout=900)


@pytest.fixture(scope="module")
def rehearsed(_rehearsal):
    """The same, while this module's commands read the settings that were rehearsed."""
    with own_settings(ASKED.preset):
        yield _rehearsal
