"""What stops a program that serves, also in the moment in which it begins to wait."""

import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from rehearsal.stopping import Stop

ROOT = Path(__file__).parents[3]
_INSIDE = """
import os, signal, sys
from rehearsal.stopping import Stop
stop = Stop().by_signal()
calls = 0
def between(frame, event, argument):
    # Before each line of `wait`, one after the other, the signal comes.
    global calls
    if frame.f_code.co_name == "wait":
        calls += 1
        if calls == int(sys.argv[1]):
            os.kill(os.getpid(), signal.SIGTERM)
    return between
sys.settrace(between)
print(stop.wait())
"""


@pytest.mark.parametrize("line", [1, 2, 3, 4])
def test_a_signal_is_heard_at_any_line_of_waiting(line):
    argv = [sys.executable, "-c", _INSIDE, str(line)]
    process = subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert "True\n" == process.communicate(timeout=60)[0]
    finally:
        process.kill()
        process.wait()


def test_all_who_wait_are_woken_and_later_ones_do_not_wait():
    stop, woken = Stop(), queue.SimpleQueue()
    threads = [threading.Thread(target=lambda: woken.put(stop.wait(60))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert not stop.wait(0.01), "nobody has said so yet"
    stop.set()
    for thread in threads:
        thread.join(60)
    assert [True] * 4 == [woken.get() for _ in threads]
    assert stop.wait(), "it stays set"


def test_a_handler_sets_it_while_the_main_thread_waits():
    before = signal.getsignal(signal.SIGUSR1)
    try:
        stop = Stop().by_signal(signal.SIGUSR1)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert stop.wait(60), "woken by the signal, not by the time"
        assert stop.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)
