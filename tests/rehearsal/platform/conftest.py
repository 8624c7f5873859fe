"""vps-infrastructure on this machine's Docker: its names are its own, so each module has it in its turn."""

from __future__ import annotations

import pytest

from tests.support.platform import Platform


@pytest.fixture(scope="module")
def platform(tmp_path_factory):
    with Platform(tmp_path_factory.mktemp("platform")).running() as running:
        yield running
