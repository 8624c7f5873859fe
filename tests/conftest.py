"""What all tests of the platform share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from tests.support import campaign, signals, turns

if TYPE_CHECKING:
    from collections.abc import Iterator

# A computer that does much else at the same time is slow, and not wrong.
settings.register_profile("homeport", deadline=None)
settings.load_profile("homeport")


@pytest.fixture
def heard() -> Iterator[None]:
    """For a test that ends something by a signal: nohup and a script's `&` ignore some, for all that they start."""
    with signals.heard():
        yield


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks what has its turn in some runs only, before any choice by marks is made."""
    for item in items:
        if turns.suite(item.nodeid.partition("::")[0]):
            item.add_marker(pytest.mark.turn)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Whoever has to repeat a run needs its samples."""
    terminalreporter.write_line(campaign.told())
    terminalreporter.write_line(turns.told())
