"""Hosts need the machine's image; in `make test` it is there before the stage begins."""

from __future__ import annotations

import pytest

from rehearsal.machine.daemon import IMAGE
from toolchain.images.ensure import ensure


@pytest.fixture(scope="session", autouse=True)
def machine_image():
    ensure([IMAGE])
