from __future__ import annotations

import pytest

from rehearsal.plugins.cloudflare.provider import provider
from tests.unit.plugins_cloudflare.stack import Stack
from tests.unit.rehearsal_cloudflare.cloud import TOKEN, Cloud


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path / "state")
    yield made
    made.world.close()


@pytest.fixture
def stack(cloud):
    plugin = provider()
    plugin.configure({"apiToken": TOKEN, "baseUrl": cloud.world.api_url})
    yield Stack(plugin, cloud)
    plugin.close()
