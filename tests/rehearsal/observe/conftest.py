"""What the tests of metrics and alerts share: a place of their own with the real store of metrics in it."""

import pytest

from catalog.victoriametrics.service import SERVICE
from tests.support.catalog_containers import Place, ensure, healthy
from tests.support.metrics import Store


@pytest.fixture(scope="module")
def place():
    made = Place()
    yield made
    made.close()


@pytest.fixture(scope="module")
def store(place):
    """VictoriaMetrics, as the catalog has it, that keeps two days."""
    ensure(SERVICE.image)
    name = place.start(SERVICE, texts={"metrics-retention": "2d"}, publish=("--publish", "127.0.0.1::8428"))
    return Store(healthy(name))
