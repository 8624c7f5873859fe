from __future__ import annotations

import pytest

from tests.unit.clouds_hetzner.world import Emulated


@pytest.fixture()
def cloud():
    made = Emulated()
    yield made
    made.door.stop()
