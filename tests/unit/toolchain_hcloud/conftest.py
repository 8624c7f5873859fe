from __future__ import annotations

import pytest

from tests.unit.clouds_hetzner.emulated import TOKEN, Emulated
from toolchain.plugins.hcloud.provider import provider


@pytest.fixture()
def cloud():
    made = Emulated()
    yield made
    made.listener.stop()


@pytest.fixture()
def plugin(cloud):
    made = provider()
    made.configure({"token": TOKEN, "endpoint": cloud.listener.url, "pollInterval": "20ms", "pollFunction": "constant"})
    yield made
    made.cloud()._client._client._session.close()
