"""The stand-ins of docker and command on a rented server: the same recordings, over `ssh://` with a pinned host key."""

from __future__ import annotations

import pytest

from tests.rehearsal.conformance.plugin_process import Answer
from tests.rehearsal.conformance.replay import Replay
from tests.rehearsal.conformance.rules.docker import RULES
from tests.rehearsal.conformance.ssh_machine import ALL, absence
from tests.rehearsal.conformance.suite import Replays, launch, parameters

PACKAGE, VERSION = "docker", "5.2.0"
WHERE = ("host", "sshOpts")

pytestmark = [pytest.mark.docker, pytest.mark.skipif(bool(absence()), reason=absence() or "-")]


class Elsewhere(Replay):
    """A replay on another daemon than the recorded one: of the provider's settings only its address may differ."""

    def _compare(self, call, answer):
        if call["method"] == "CheckConfig" and answer.response is not None:
            inputs = {key: value for key, value in answer.response["inputs"].items() if key not in WHERE}
            answer = Answer({**answer.response, "inputs": inputs})
        return super()._compare(call, answer)


@pytest.fixture(scope="module")
def replays(machine):
    def settings(_package, news):
        return {**news, **machine.provider()}

    def start(target, scenario):
        plugins = {PACKAGE: launch(target, PACKAGE, VERSION)}
        return Elsewhere(scenario, plugins, RULES, shell=machine.shell, config=settings)

    running = Replays(start)
    yield running
    running.close()


def steps():
    """The recorded steps. Those that mostly wait for a health check wait no other way over SSH, and are for `ALL`."""
    return [case for case in parameters(PACKAGE, VERSION) if ALL or "-docker-container-health-" not in case.id]


@pytest.mark.parametrize(("target", "scenario", "step"), steps())
def test_every_recorded_call_gets_the_recorded_answer_over_ssh(replays, target, scenario, step):
    mismatches = replays.of(target, scenario).mismatches(step.index)
    assert [] == mismatches, f"{target} differs from the recording:\n" + "\n".join(mismatches)
