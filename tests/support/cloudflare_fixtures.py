"""One emulated Cloudflare for a test, and the provider's stand-in on it: a conftest imports what its tests ask for."""

from __future__ import annotations

import pytest

from tests.support.cloudflare import TOKEN, Cloud
from tests.support.cloudflare_stack import Stack
from toolchain.plugins.cloudflare.provider import provider


@pytest.fixture
def cloud(tmp_path):
    made = Cloud(tmp_path / "state")
    yield made
    made.emulator.close()


@pytest.fixture
def stack(cloud):
    plugin = provider()
    plugin.configure({"apiToken": TOKEN, "baseUrl": cloud.emulator.api_url})
    yield Stack(plugin, cloud)
    plugin.close()
