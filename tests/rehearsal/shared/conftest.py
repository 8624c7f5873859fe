"""shared-infrastructure on this machine's Docker: its names are its own, so each module has it in its turn."""

from __future__ import annotations

import pytest

from tests.support.shared import Shared, Tunnelled


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with Shared(tmp_path_factory.mktemp("shared")).running() as running:
        yield running


@pytest.fixture(scope="module")
def tunnelled(tmp_path_factory):
    with Tunnelled(tmp_path_factory.mktemp("tunnelled")).running() as running:
        yield running
