"""What all tests of the platform share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import settings

from tests.support import campaign

if TYPE_CHECKING:
    import pytest

# A computer that does much else at the same time is slow, and not wrong.
settings.register_profile("homeport", deadline=None)
settings.load_profile("homeport")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Whoever has to repeat a run needs its samples."""
    terminalreporter.write_line(campaign.told())
