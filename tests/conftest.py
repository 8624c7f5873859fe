"""What all tests of the platform share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import campaign

if TYPE_CHECKING:
    import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Whoever has to repeat a run needs its samples."""
    terminalreporter.write_line(campaign.told())
