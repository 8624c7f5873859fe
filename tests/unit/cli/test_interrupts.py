"""Pulumi is asked to end, once, and waited for: killed, it would have noted nothing of what was under way."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.cli import interrupts

ROOT = Path(__file__).resolve().parents[3]
# Ends like Pulumi: the first interrupt lets it finish, the second ends it at once. It writes what came of it.
WORKER = """
import signal, sys, time
asked = []
signal.signal(signal.SIGINT, lambda *_: asked.append(1))
print('works', flush=True)
end = time.monotonic() + 60
while not asked and time.monotonic() < end:
    time.sleep(0.02)
time.sleep(1.5)  # what is under way takes its time
print('noted' if len(asked) < 2 else 'cut off', len(asked), flush=True)
"""
CALLER = f"""
import sys
from homeport.cli import interrupts
worker = [sys.executable, '-c', {WORKER!r}]
try:
    with interrupts.by_sigterm():
        interrupts.shown(worker, lambda line: print(line, end='', flush=True))
except interrupts.TerminatedError:
    print('terminated')
except KeyboardInterrupt:
    print('interrupted')
"""


@pytest.fixture
def caller():
    process = subprocess.Popen(
        [sys.executable, "-c", CALLER], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    assert "works\n" == process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize(("number", "word"), [(signal.SIGTERM, "terminated"), (signal.SIGINT, "interrupted")])
def test_who_is_told_to_end_hands_it_on_and_waits(caller, number, word):
    caller.send_signal(number)

    assert ["noted 1", word] == caller.stdout.read().splitlines(), "it had its time, and was asked once"


def test_a_second_interrupt_is_handed_on_too(caller):
    caller.send_signal(signal.SIGINT)
    # It is at work still, and says nothing meanwhile.
    with pytest.raises(subprocess.TimeoutExpired):
        caller.wait(timeout=0.5)
    caller.send_signal(signal.SIGINT)

    assert ["cut off 2", "interrupted"] == caller.stdout.read().splitlines()


def test_at_a_terminal_which_tells_all_its_processes_nobody_is_told_twice():
    number, terminal = pty.fork()
    if not number:  # the process behind the terminal
        os.chdir(ROOT)
        os.execv(sys.executable, [sys.executable, "-c", CALLER])  # noqa: S606
    try:
        said = b""
        while b"works" not in said:
            said += os.read(terminal, 1000)
        os.write(terminal, b"\x03")
        try:
            while part := os.read(terminal, 1000):
                said += part
        except OSError:
            pass  # the end of a terminal
    finally:
        os.close(terminal)
        os.waitpid(number, 0)

    assert b"noted 1" in said and b"interrupted" in said, said.decode()


def test_a_command_gets_its_input_and_its_output_is_had():
    done = interrupts.run(
        [sys.executable, "-c", "import sys; print(sys.stdin.read().upper()); sys.exit(3)"],
        "text",
        stdout=subprocess.PIPE,
    )

    assert (3, "TEXT\n") == (done.returncode, done.stdout)
