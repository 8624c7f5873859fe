"""The engine killed in the middle of an update, at random moments; then one documented command: `make up`."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from homeport.cli.places import lock_file, unfinished
from tests.support import campaign
from tests.support.scratch import Scratch
from tests.support.waits import until

pytestmark = pytest.mark.world
MOMENTS = campaign.SIZES["kills of the engine"][True]
"""Into as many parts an update is cut; each has its kill."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    made = Scratch(tmp_path_factory.mktemp("killed"))
    try:
        yield made
    finally:
        made.remove()


def _homeport(stack, verb: str) -> subprocess.CompletedProcess[str]:
    """What `make up` and `make down` run."""
    return subprocess.run(
        [sys.executable, "-m", "homeport.cli", verb, "--stack", stack.name],
        cwd=stack.folder,
        env=stack.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
        stdin=subprocess.DEVNULL,
    )


def _started(stack) -> subprocess.Popen[str]:
    return subprocess.Popen(
        stack.command("up", "--yes", "--skip-preview", "--stack", stack.name),
        cwd=stack.folder,
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
        text=True,
    )


@pytest.fixture(scope="module")
def whole(stack) -> int:
    """How many lines an update from nothing says: the moments are drawn over them; its time is never the same."""
    process = _started(stack)
    output, _ = process.communicate(timeout=900)
    assert process.returncode == 0, output
    return len(output.splitlines())


@pytest.fixture(scope="module")
def hits() -> list[bool]:
    """Of each kill whether the update was still at work."""
    return []


def _kill_engine(process: subprocess.Popen) -> bool:
    """SIGKILL for the engine alone, as the kernel does it out of memory; true if it was still at work."""
    if process.poll() is not None:
        process.communicate()
        return False
    # The launcher execs the engine in its own process, so this pid is the engine's.
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=300)
    return True


@pytest.mark.campaign
@pytest.mark.parametrize("moment", campaign.sample("kills of the engine", range(MOMENTS)))
@pytest.mark.req("P-15")
def test_an_update_killed_at_a_random_moment_converges_with_one_command(stack, whole, hits, moment):
    emptied = _homeport(stack, "down")
    chance = random.SystemRandom()
    at = int(whole * (moment + chance.random()) / MOMENTS * 0.9)
    process = _started(stack)
    for _ in range(at):
        process.stdout.readline()
    time.sleep(chance.uniform(0, 0.5))
    hits.append(killed := _kill_engine(process))
    repaired = _homeport(stack, "up")
    report = f"killed after {at} of {whole} lines (still at work: {killed})\n{repaired.stdout}{repaired.stderr}"
    preview = stack.pulumi("preview", "--expect-no-changes", "--diff")
    state = {
        resource.get("id")
        for resource in stack.exported()["deployment"]["resources"]
        if resource["type"].startswith("docker:")
    }
    names = stack.objects("container")

    assert emptied.returncode == 0, emptied.stdout + emptied.stderr
    assert repaired.returncode == 0, report
    assert preview.returncode == 0, report + preview.stdout
    assert sorted(f"{stack.name}-{name}" for name in ("ai-executor", "ai-postgres", "ai-redis")) == sorted(names), (
        report
    )
    assert [] == [name for name in names if _id(name) not in state], (
        f"a container that the state does not know\n{report}"
    )


def _id(name: str) -> str:
    return json.loads(subprocess.run(["docker", "inspect", name], capture_output=True, check=True).stdout)[0]["Id"]


@pytest.mark.req("P-15")
def test_the_moments_were_in_the_middle_of_updates(whole, hits):
    assert whole > MOMENTS, "an update that says nothing cannot be interrupted; the kills above would prove nothing"
    assert sum(hits) >= len(hits) // 2, "kills that came too late prove nothing"


def _ended_in_the_middle(stack, end) -> tuple[int, str]:
    """Ends a `homeport up` while it makes containers, as `end` does it; its exit code, and all that it said."""
    process = subprocess.Popen(
        [sys.executable, "-m", "homeport.cli", "up", "--stack", stack.name],
        cwd=stack.folder,
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    shown = []
    for line in process.stdout:
        shown.append(line)
        if "docker:index:Container" in line and "creating" in line:
            end(process)
            break
    output = "".join(shown) + process.communicate(timeout=300)[0]
    return process.returncode, output


def _kill_its_engine(process):
    (engine,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(engine), signal.SIGKILL)


@pytest.mark.req("P-15")
@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_update_that_is_told_to_end_notes_what_it_has_made(stack, number):
    emptied = _homeport(stack, "down")
    code, output = _ended_in_the_middle(stack, lambda process: process.send_signal(number))
    state = {row.get("id") for row in stack.exported()["deployment"]["resources"] if row["type"].startswith("docker:")}
    left = [name for name in stack.objects("container") if _id(name) not in state]
    again = _homeport(stack, "up")

    assert emptied.returncode == 0, emptied.stdout + emptied.stderr
    assert code not in {0, -number}, f"it ended by itself, and says that it failed: {output}"
    assert "Traceback" not in output and "fix: make up" in output, output
    assert [] == left, f"Pulumi had the time to note what it made\n{output}"
    assert again.returncode == 0, again.stdout + again.stderr
    assert "left its lock" not in again.stdout + again.stderr, "nothing was killed"


@pytest.mark.req("P-15")
def test_of_a_pulumi_that_is_killed_alone_it_says_so_and_the_next_one_looks_for_what_was_left(stack):
    """As by the kernel out of memory, or by a reader who has gone: `homeport up | head`."""
    emptied = _homeport(stack, "down")
    code, output = _ended_in_the_middle(stack, _kill_its_engine)
    marked = unfinished(stack.name).exists()
    again = _homeport(stack, "up")

    assert emptied.returncode == 0, emptied.stdout + emptied.stderr
    assert 1 == code and "pulumi up was ended by a signal (SIGKILL)" in output, output
    assert marked, "the next one knows"
    assert again.returncode == 0, again.stdout + again.stderr
    assert not unfinished(stack.name).exists(), "and has settled it"


@pytest.mark.req("D-05")
@pytest.mark.usefixtures("whole")
def test_of_two_at_once_the_loser_says_who_holds_the_lock(stack):
    first = subprocess.Popen(
        # Where there is nothing to do, a look at Docker alone is over before anybody else has begun.
        [sys.executable, "-m", "homeport.cli", "up", "--refresh", "--stack", stack.name],
        cwd=stack.folder,
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
    )
    held = lock_file(stack.name)
    until(lambda: first.poll() is not None or f'"pid": {first.pid},' in held.read_text(), "it does not take the lock")
    # It waits with what it holds: on a busy machine it might have ended before the second one has begun.
    first.send_signal(signal.SIGSTOP)
    try:
        second = _homeport(stack, "up")
    finally:
        first.send_signal(signal.SIGCONT)
    output, _ = first.communicate(timeout=900)

    assert first.returncode == 0, output.decode()
    assert second.returncode == 1, "the second changes nothing"
    assert str(first.pid) in second.stdout + second.stderr, f"who: {second.stdout}{second.stderr}"
    assert "Traceback" not in second.stdout + second.stderr, "a refusal is a sentence"
