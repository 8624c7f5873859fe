from __future__ import annotations

import pytest

from rehearsal.plugins.hcloud.provider import provider
from tests.unit.rehearsal_hetzner.world import TOKEN, Emulated


@pytest.fixture()
def cloud():
    made = Emulated()
    yield made
    made.door.stop()


@pytest.fixture()
def plugin(cloud):
    made = provider()
    made.configure({"token": TOKEN, "endpoint": cloud.door.url, "pollInterval": "20ms", "pollFunction": "constant"})
    yield made
    made.cloud()._client._client._session.close()
