"""What all unit tests share: the stack files as they are shipped, whatever a user has put into their own."""

from pathlib import Path

import pytest

SHIPPED = Path(__file__).parents[1] / "cases" / "stacks"


@pytest.fixture(scope="session", autouse=True)
def _shipped_stack_files():
    """For every unit test and each program that it starts; other tests have stacks of their own in the checkout."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOMEPORT_STACK_FILES", str(SHIPPED))
        yield
