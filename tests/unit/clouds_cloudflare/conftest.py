from __future__ import annotations

import pytest

from tests.unit.clouds_cloudflare.cloud import Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path / "state")
    yield made
    made.emulator.close()
