"""The tests of one plugin's scenarios: one a step, for the stand-in and, where it is installed, the official plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.rehearsal.conformance import recordings
from tests.rehearsal.conformance.plugin_process import PluginProcess, official

if TYPE_CHECKING:
    from tests.rehearsal.conformance.replay import Replay

STAND_IN = "stand-in"
OFFICIAL = "official"


def parameters(package: str, version: str) -> list[Any]:
    """`(target, scenario, step)` of every recorded step, and a skip where the official plugin is not installed."""
    recorded = recordings.scenarios(package)
    cases = [
        pytest.param(target, scenario, step, id=f"{target}-{scenario.name}-{step.id}")
        for target in (STAND_IN, OFFICIAL)
        if target == STAND_IN or official(package, version)
        for scenario in recorded
        for step in scenario.steps
    ]
    if not official(package, version):
        reason = (
            f"the official plugin {package} {version} is not installed: set HOMEPORT_CONFORM_PLUGIN_{package.upper()}"
        )
        cases.append(pytest.param(OFFICIAL, None, None, id=OFFICIAL, marks=pytest.mark.skip(reason=reason)))
    return cases


def launch(target: str, package: str, version: str) -> PluginProcess:
    """The plugin under test."""
    if target == STAND_IN:
        return PluginProcess.stand_in(package)
    return PluginProcess([str(official(package, version))])


class Replays:
    """The replays of a test module, each started when its first step is asked for.

    Args:
        start: Makes the replay of a scenario against a target.
    """

    def __init__(self, start: Any) -> None:
        self._start = start
        self._running: dict[tuple[str, str], Replay] = {}

    def of(self, target: str, scenario: recordings.Scenario) -> Replay:
        """The replay of that scenario against that target."""
        key = (target, scenario.name)
        if key not in self._running:
            self._running[key] = self._start(target, scenario)
        return self._running[key]

    def close(self) -> None:
        """Cleans up after every replay and ends its plugins."""
        for replay in self._running.values():
            replay.close()
            for plugin in replay.plugins.values():
                plugin.stop()
