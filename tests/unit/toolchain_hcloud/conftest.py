from __future__ import annotations

import pytest

from tests.unit.clouds_hetzner.emulated import TOKEN, Emulated
from toolchain.plugins.hcloud.provider import provider


@pytest.fixture()
def cloud():
    cloud = Emulated()
    yield cloud
    cloud.listener.stop()


@pytest.fixture()
def plugin(cloud):
    plugin = provider()
    plugin.configure(
        {"token": TOKEN, "endpoint": cloud.listener.url, "pollInterval": "20ms", "pollFunction": "constant"}
    )
    yield plugin
    plugin.cloud()._client._client._session.close()
