"""Real programs under real limits. What needs a user that is not root is proved in test_container.py too."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from executor_limits import Limits, run

APP = Path(__file__).resolve().parents[1]
ARGV = [sys.executable, "-I", "-S", "-B", "-c"]


@pytest.mark.req("FP-09", "I-02", "I-04", "I-05", "I-06", "I-08")
def test_a_program_stays_within_its_limits(limits_case):
    used = _processor_s()
    outcome = run([*ARGV, limits_case["program"]], b"", Limits(**limits_case["limits"]))
    took, used = outcome.duration_ms / 1000, _processor_s() - used
    expected = dict(limits_case["expect"])
    because = f"{limits_case['because']}; took {took:.1f} s, used {used:.1f} s, {str(outcome)[:500]}"

    assert took < expected.pop("below_s", 60), because
    assert used < expected.pop("cpu_below_s", 5), because
    assert len(outcome.stdout) == expected.pop("bytes", len(outcome.stdout)), because
    expected["stdout"] = expected["stdout"].encode() if "stdout" in expected else outcome.stdout
    for field, value in expected.items():
        assert value == getattr(outcome, field), because


def _processor_s():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def test_input_of_any_size_never_blocks():
    program = "import sys; print(len(sys.stdin.buffer.read()))"

    assert b"1000000\n" == run([*ARGV, program], b"x" * 1_000_000, Limits()).stdout, "input is a file, not a pipe"


def test_unread_input_never_blocks():
    assert 0 == run([*ARGV, "pass"], b"x" * 10_000_000, Limits()).status, "nobody waits for a reader"


@pytest.mark.req("I-08")
def test_what_a_task_locked_is_free_when_it_has_ended(tmp_path):
    file = tmp_path / "file"
    file.touch()
    locks = f"import fcntl, time\nfile = open({str(file)!r})\nfcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)\n"
    first = run([*ARGV, f"{locks}print('locked', flush=True)\ntime.sleep(60)"], b"", Limits(wall_s=1))
    second = run([*ARGV, f"{locks}print('free')"], b"", Limits())

    assert (b"locked\n", True) == (first.stdout, first.timed_out), "it was killed while it held the lock"
    assert b"free\n" == second.stdout, "the next one waits for nobody"


@pytest.mark.req("I-06")
def test_a_flood_costs_its_reader_no_more_memory_than_the_cap():
    flood = "import os\npart = b'\\x1b[2J\\xff' * 200_000\nwhile True:\n    for file in (1, 2):\n"
    flood += "        try: os.write(file, part)\n        except OSError: pass"
    reader = "import resource, sys\nfrom executor_limits import Limits, run\n"
    reader += "used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\nbefore = used()\n"
    reader += f"flooded = run([*{ARGV!r}, {flood!r}], b'', Limits(wall_s=2))\n"
    reader += "print(flooded.truncated, len(flooded.stdout), len(flooded.stderr), used() - before)"
    done = subprocess.run([sys.executable, "-B", "-c", reader], capture_output=True, text=True, check=True, cwd=APP)
    *cut, grown_kib = done.stdout.split()

    assert ["True", "262144", "4096"] == cut, "two seconds of writing are cut at the caps, marked as cut"
    assert int(grown_kib) < 4096, "and nothing of the rest was ever held"


@pytest.mark.req("I-05")
def test_children_of_the_program_end_with_it():
    # As root RLIMIT_NPROC does not bind, which lets this test make a child at all. The child lets go of the pipe by
    # which the end of the program is seen.
    program = "import os, time\nif child := os.fork():\n    print(child)\n"
    program += "else:\n    os.closerange(3, 99)\n    time.sleep(600)"
    outcome = run([*ARGV, program], b"", Limits(processes=4096, wall_s=300))
    child, end = int(outcome.stdout), time.monotonic() + 180
    while _alive(child) and time.monotonic() < end:
        time.sleep(0.02)

    assert not outcome.timed_out and not _alive(child), "the process group was killed"


def _alive(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_a_limit_that_cannot_be_set_runs_nothing():
    try:
        outcome = run([*ARGV, "print('ran')"], b"", Limits(files=2**62))
    except Exception as error:  # noqa: BLE001
        outcome = error

    assert isinstance(outcome, Exception), "no limit, no run"


def test_no_descriptor_is_lost_in_twenty_runs():
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        run([*ARGV, "pass"], b"", Limits())
        try:
            run(["/nonexistent"], b"", Limits())
        except OSError:
            continue

    assert before == len(list(Path("/proc/self/fd").iterdir())), "each run closes what it opened"


def test_the_childs_own_timer_works_though_the_caller_ignores_it():
    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    try:
        outcome = run([*ARGV, "import signal; print(signal.getsignal(signal.SIGALRM).name)"], b"", Limits())
    finally:
        signal.signal(signal.SIGALRM, before)

    assert b"SIG_DFL\n" == outcome.stdout, "an ignored signal would outlive exec"
