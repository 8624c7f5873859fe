from __future__ import annotations

import pytest

from tests.unit.clouds_hetzner.emulated import Emulated


@pytest.fixture()
def cloud():
    made = Emulated()
    yield made
    made.listener.stop()
