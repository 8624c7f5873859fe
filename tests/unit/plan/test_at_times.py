"""The program that waits for a schedule's times, run by a shell whose clock is a list."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from tests.support.waits import until

pytestmark = pytest.mark.usefixtures("heard")
CLOCK = """#!/bin/sh
# The busybox of these tests: its clock shows the lines of a file, and it ends the shell that asked after the last.
case $1-$2 in
  date-+%S) echo 08 ;;
  date-*) sed -n 1p {0}/clock; sed -i 1d {0}/clock ;;
  sleep-*) echo "$2" >>{0}/slept; [ -s {0}/clock ] || kill $PPID ;;
  *) shift; exec "$@" ;;
esac
"""


def entrypoint(tmp_path, line, program):
    """What an app with a schedule begins with, its busybox and its folder here."""
    apps = {"job": {"image": "job:1.0", "command": program, "schedule": line}}
    values = {"homeport:preset": "ai-orchestrator", "homeport:settings": json.dumps({"apps": apps})}
    service = resolve(Configuration("dev", values)).blueprint.service("job")
    here = {"/.homeport/busybox": str(tmp_path / "busybox"), "/.homeport-runs": str(tmp_path)}
    argv = [*service.entrypoint, *service.command]
    for inside, outside in here.items():
        argv = [word.replace(inside, outside) for word in argv]
    (tmp_path / "busybox").write_text(CLOCK.format(tmp_path))
    (tmp_path / "busybox").chmod(0o755)
    return ["sh", *argv[2:]], service


@pytest.mark.req("OS-11")
@pytest.mark.parametrize(
    ("line", "clock", "expected"),
    [
        ("30 3 * * *", ["29 03", "30 03", "31 03", "30 04"], 1),
        ("*/15 8 * * *", ["00 08", "08 08", "15 08", "09 09"], 2),
        ("0 0 9 8 *", ["00 00 09 08 7", "00 00 09 09 7", "00 00 08 08 7"], 1),
        ("0 0 1 * sun", ["00 00 01 08 2", "00 00 02 08 7", "00 00 03 08 1"], 2),
        ("0 0 * * 7", ["00 00 01 08 7", "00 00 02 08 1"], 1),
    ],
)
def test_the_program_runs_at_the_minutes_of_its_schedule_and_at_no_other(tmp_path, line, clock, expected):
    (tmp_path / "clock").write_text("".join(f"{(row + ' 01 01 1')[:14]} 2028-01-01T00:00Z\n" for row in clock))
    argv, _ = entrypoint(tmp_path, line, ["sh", "-c", f"echo run >>{tmp_path}/runs"])
    subprocess.run(argv, check=False, timeout=120, capture_output=True)

    assert ["run"] * expected == (tmp_path / "runs").read_text().split()
    assert {"52"} == set((tmp_path / "slept").read_text().split()), "until the next minute begins"


@pytest.mark.req("OS-11")
def test_how_the_last_run_ended_is_its_health(tmp_path):
    (tmp_path / "clock").write_text("00 00 01 01 1 2028-01-01T00:00Z\n")
    argv, service = entrypoint(tmp_path, "* * * * *", ["sh", "-c", "exit 3"])
    probe = [word.replace("/.homeport-runs", str(tmp_path)) for word in service.health.test[1:]]
    before = subprocess.run(probe, check=False, capture_output=True, text=True)
    done = subprocess.run(argv, check=False, timeout=120, capture_output=True, text=True)
    after = subprocess.run(probe, check=False, capture_output=True, text=True)

    assert (0, "not run yet") == (before.returncode, before.stdout.strip()), "a new one is well"
    assert (1, "last run, 2028-01-01T00:00Z: ended with 3") == (after.returncode, after.stdout.strip())
    assert "the run of 2028-01-01T00:00Z ended with 3" in done.stderr, "docker logs has it too"


@pytest.mark.req("OS-11")
def test_who_stops_it_stops_the_program_first(tmp_path):
    (tmp_path / "clock").write_text("00 00 01 01 1 2028-01-01T00:00Z\n" * 2)
    mark = tmp_path / "mark"
    program = ["sh", "-c", f"trap 'echo told >{mark}; exit 0' TERM; touch {mark}; while :; do sleep 0.05; done"]
    argv, _ = entrypoint(tmp_path, "* * * * *", program)
    with subprocess.Popen(argv, stderr=subprocess.DEVNULL) as running:
        until(mark.exists, "the program runs")
        running.send_signal(signal.SIGTERM)
        code = running.wait(120)

    assert 143 == code
    assert "told" == mark.read_text().strip(), "Docker's signal reaches the program itself"
