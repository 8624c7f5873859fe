from __future__ import annotations

import pytest

from tests.rehearsal.conformance.busybox_image import BusyboxImage
from tests.unit.toolchain_docker.live import IMAGE, World


@pytest.fixture(scope="session")
def image():
    busybox = BusyboxImage(IMAGE, ())
    busybox.make()
    yield IMAGE
    busybox.remove()


@pytest.fixture
def world(image):  # noqa: ARG001  (there before, gone after)
    running = World()
    yield running
    running.close()
