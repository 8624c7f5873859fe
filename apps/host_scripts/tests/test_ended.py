"""A run that is told to end, by systemd or by a line that drops, puts right what is under way."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from host_scripts import common

BEGIN = """
import signal, sys, time
for number in ("SIGTERM", "SIGHUP"):
    signal.signal(signal.Signals[number], signal.SIG_IGN if number == sys.argv[1] else signal.SIG_DFL)
from host_scripts import main

def work(*_):
    try:
        print("begun", flush=True)
        sys.stdin.readline()
    finally:
        print("put right", flush=True)
    return 0

main.settings, main._status = (lambda _: None), work
sys.exit(main.main(["status"]))
"""


def begun(ignored=""):
    argv = [sys.executable, "-c", BEGIN, ignored]
    path = {"PYTHONPATH": str(common.__file__).rpartition("/host_scripts/")[0]}
    process = subprocess.Popen(argv, env=path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "begun\n"
    return process


@pytest.mark.req("FP-21")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_what_is_under_way_is_put_right_by_whichever_signal_it_ends(number):
    with begun() as process:
        process.send_signal(number)
        assert ("put right\n", 128 + number) == (process.stdout.read(), process.wait(timeout=60))


@pytest.mark.req("FP-21")
def test_what_was_begun_to_go_on_without_its_terminal_goes_on():
    with begun(ignored="SIGHUP") as process:
        process.send_signal(signal.SIGHUP)
        process.stdin.write("\n")
        process.stdin.flush()
        assert ("put right\n", 0) == (process.stdout.read(), process.wait(timeout=60)), "as by nohup"
