"""What the tests of one service beside its neighbours share: a place of their own, gone afterwards."""

import pytest

from tests.support.catalog_containers import Place


@pytest.fixture(scope="module")
def place():
    made = Place()
    yield made
    made.close()
