"""vpai on this machine's Docker: its names are its own, so each module has it in its turn."""

from __future__ import annotations

import pytest

from tests.support.vpai import Vpai


@pytest.fixture(scope="module")
def vpai(tmp_path_factory):
    with Vpai(tmp_path_factory.mktemp("vpai")).running() as running:
        yield running
