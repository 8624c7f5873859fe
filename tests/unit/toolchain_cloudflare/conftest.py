from __future__ import annotations

import pytest

from tests.unit.clouds_cloudflare.cloud import TOKEN, Cloud
from tests.unit.toolchain_cloudflare.stack import Stack
from toolchain.plugins.cloudflare.provider import provider


@pytest.fixture
def cloud(tmp_path):
    cloud = Cloud(tmp_path / "state")
    yield cloud
    cloud.emulator.close()


@pytest.fixture
def stack(cloud):
    plugin = provider()
    plugin.configure({"apiToken": TOKEN, "baseUrl": cloud.emulator.api_url})
    yield Stack(plugin, cloud)
    plugin.close()
