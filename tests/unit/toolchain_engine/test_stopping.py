"""What stops a program that serves, also in the moment in which it begins to wait."""

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from toolchain.stopping import Stop

ROOT = Path(__file__).parents[3]
_INSIDE = """
import os, signal, sys
from toolchain.stopping import Stop
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
        assert "True\n" == process.communicate(timeout=180)[0]
    finally:
        process.kill()
        process.wait()


def test_all_who_wait_are_woken_and_later_ones_do_not_wait():
    stop, woken = Stop(), queue.SimpleQueue()
    threads = [threading.Thread(target=lambda: woken.put(stop.wait(600))) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert not stop.wait(0.01), "nobody has said so yet"
    stop.set()
    for thread in threads:
        thread.join(600)
    assert [True] * 4 == [woken.get() for _ in threads]
    assert stop.wait(), "it stays set"


def test_a_handler_sets_it_while_the_main_thread_waits():
    before = signal.getsignal(signal.SIGUSR1)
    try:
        stop = Stop().by_signal(signal.SIGUSR1)
        threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGUSR1)).start()
        assert stop.wait(600), "woken by the signal, not by the time"
        assert stop.is_set()
    finally:
        signal.signal(signal.SIGUSR1, before)


_DEAF = """
import os, signal, threading, time
from toolchain.stopping import Stop
stop = Stop().by_signal()
other = threading.Thread(target=time.sleep, args=(600,), daemon=True)
other.start()
# Now the kernel hands the signal to the other thread: what this one waits for is not interrupted.
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
print("waiting", flush=True)
print(stop.wait())
"""


def test_a_signal_that_interrupts_no_wait_is_heard_all_the_same():
    """As one that comes between Python's last look at its signals and the kernel's wait; that one nobody can time."""
    process = subprocess.Popen([sys.executable, "-c", _DEAF], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert "waiting\n" == process.stdout.readline()
        time.sleep(0.3)
        process.terminate()
        assert "True\n" == process.communicate(timeout=180)[0]
    finally:
        process.kill()
        process.wait()
