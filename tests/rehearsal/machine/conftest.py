from __future__ import annotations

import pytest

from rehearsal.machine.daemon import IMAGE
from tests.rehearsal.machine.cloud import Cloud, rule
from toolchain.images.ensure import ensure


@pytest.fixture(scope="session")
def cloud(tmp_path_factory):
    ensure([IMAGE])
    made = Cloud(tmp_path_factory.mktemp("cloud"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def firewall(cloud):
    return cloud.make("/firewalls", {"name": "wall", "rules": [rule("22")]})["firewall"]


@pytest.fixture(scope="session")
def server(cloud, firewall):
    """One server behind a firewall that lets SSH in; tests leave it as they found it."""
    return cloud.boot("web", firewalls=[{"firewall": firewall["id"]}])
