"""Each step of hardening SSH broken on purpose: the way before lets the operator in, and it is said why.

After mending, the steps gone again from the first one come to their end.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from tests.support.ssh_steps import STEPS, Failed, Steps
from tests.support.waits import until

pytestmark = pytest.mark.docker
CASES = tomllib.loads(Path(__file__).with_name("lockouts.toml").read_text())
HARDENED = {"vpn:804"}
# Most wait for a host's timer, and each lays the firewall several times.
BROKEN = [
    pytest.param(name, marks=() if case.get("sample") else pytest.mark.long) for name, case in sorted(CASES.items())
]
CHANGES = [step for step in STEPS if not step.startswith("proof")]


@pytest.fixture(scope="module")
def steps(tmp_path_factory):
    made = Steps(tmp_path_factory.mktemp("steps"))
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture
def begun(steps):
    """Everybody's way is open, at the usual port, and nobody is connected."""
    steps.back()
    steps.cut()
    assert {"public:22", "vpn:22"} == steps.ways(), "as a server is that was never hardened"
    return steps


@pytest.mark.req("S5-07")
@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_a_step_leaves_the_way_before_open_and_is_said(begun, name):
    case = CASES[name]
    failed = None
    try:
        begun.harden(case["at"], case["break"])
    except Failed as failure:
        failed = failure
        ways = begun.ways()
    finally:
        begun.server.inside(case["mend"])

    assert case.get("stops") == (failed and failed.step), failed
    if failed:
        assert {*case["open"]} <= ways, f"the way before does not let the operator in: {ways}"
        silent = [word for word in case["says"] if not re.search(word, failed.said)]
        assert [] == silent, failed.said
        begun.harden()
    assert HARDENED == begun.ways(), "in the end by the VPN alone, at the new port"


@pytest.mark.long
@pytest.mark.parametrize("step", CHANGES)
def test_killed_between_a_change_and_its_proof_the_host_puts_it_back_and_the_next_run_hardens(begun, step):
    for earlier in STEPS[: STEPS.index(step)]:
        begun.step(earlier)
    before = begun.ways()
    begun.killed(step)
    begun.undone(step.partition(" ")[2])

    assert before <= begun.ways(), "a way that was open before the step is closed"
    begun.harden()
    assert HARDENED == begun.ways(), "gone again, the steps come to their end"


@pytest.mark.long
@pytest.mark.parametrize("after", range(1, len(STEPS)))
def test_ended_after_any_step_the_way_before_is_open_and_the_next_run_hardens(begun, after):
    for step in STEPS[:after]:
        begun.step(step)
    begun.cut()

    assert begun.ways() & {"public:22", "vpn:804"}, "between two steps nobody gets in"
    begun.harden()
    assert HARDENED == begun.ways(), "gone again, the steps come to their end"


@pytest.mark.long
@pytest.mark.parametrize("step", ["open sshd", "close firewall"])
def test_a_reboot_between_a_change_and_its_proof_puts_it_back_and_the_next_run_hardens(begun, step):
    for earlier in STEPS[: STEPS.index(step)]:
        begun.step(earlier)
    before = begun.ways()
    begun.killed(step)
    begun.server.power("reset")
    until(
        lambda: begun.server.inside("systemctl is-system-running", check=False).strip() in {"running", "degraded"},
        "no boot",
    )
    begun.join()
    begun.undone(step.partition(" ")[2])

    until(lambda: before <= begun.ways(), f"what was open before is not open again: {begun.ways()}, {before}")
    begun.harden()
    assert HARDENED == begun.ways(), "gone again, the steps come to their end"
