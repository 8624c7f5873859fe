import pytest

from tests.support.readers import Readers


@pytest.fixture(scope="session")
def readers():
    with Readers() as programs:
        yield programs
