"""Deployments need the machine's image and the proxy's; in `make test` they are there before."""

from __future__ import annotations

import pytest

from rehearsal.machine.daemon import IMAGE
from tests.support.mesh import CADDY
from toolchain.images.ensure import ensure


@pytest.fixture(scope="session", autouse=True)
def images():
    ensure([IMAGE, CADDY])
