"""Pulumi is asked to end, once, and waited for: killed, it would have noted nothing of what was under way."""

import contextlib
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.cli import interrupts
from tests.support import signals

pytestmark = pytest.mark.usefixtures("heard")
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
    with interrupts.in_order():
        interrupts.shown(worker, lambda line: print(line, end='', flush=True))
except interrupts.TerminatedError:
    print('terminated')
except KeyboardInterrupt:
    print('interrupted')
"""


@pytest.fixture
def caller():
    process = subprocess.Popen(
        [sys.executable, "-c", CALLER],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert "works\n" == process.stdout.readline()
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.parametrize(
    ("number", "word"),
    [(signal.SIGTERM, "terminated"), (signal.SIGHUP, "terminated"), (signal.SIGINT, "interrupted")],
)
def test_who_is_told_to_end_hands_it_on_and_waits(caller, number, word):
    caller.send_signal(number)

    assert ["noted 1", word] == caller.stdout.read().splitlines(), "it had its time, and was asked once"


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM])
def test_what_was_ignored_before_stays_so_as_nohup_wants_it(number):
    with signals.ignored(number), interrupts.in_order():
        assert signal.SIG_IGN == signal.getsignal(number)
        os.kill(os.getpid(), number)


def test_who_was_started_by_nohup_works_on_when_its_terminal_closes():
    with subprocess.Popen(
        ["nohup", sys.executable, "-c", CALLER],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert "works\n" == process.stdout.readline()
        process.send_signal(signal.SIGHUP)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=0.5)
        process.send_signal(signal.SIGTERM)
        said = process.stdout.read().splitlines()

    assert ["noted 1", "terminated"] == said, "the first of both told it nothing"


def test_a_group_that_is_told_to_end_as_by_timeout_asks_once(caller):
    os.killpg(caller.pid, signal.SIGTERM)

    assert ["noted 1", "terminated"] == caller.stdout.read().splitlines(), "a second time would end it at once"


def test_a_second_interrupt_is_handed_on_too(caller):
    caller.send_signal(signal.SIGINT)
    # It is at work still, and says nothing meanwhile.
    with pytest.raises(subprocess.TimeoutExpired):
        caller.wait(timeout=0.5)
    caller.send_signal(signal.SIGINT)

    assert ["cut off 2", "interrupted"] == caller.stdout.read().splitlines()


@pytest.mark.parametrize("piped", [False, True])
def test_at_a_terminal_which_tells_all_its_processes_nobody_is_told_twice(piped):
    """Also where standard input is something else: `echo yes | make up`."""
    number, terminal = pty.fork()
    if not number:  # the process behind the terminal
        os.chdir(ROOT)
        if piped:
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.execv(sys.executable, [sys.executable, "-c", CALLER])  # noqa: S606
    said = b""
    try:
        while b"works" not in said:
            said += os.read(terminal, 1000)
        os.write(terminal, b"\x03")
        with contextlib.suppress(OSError):  # the end of a terminal
            while part := os.read(terminal, 1000):
                said += part
    finally:
        os.close(terminal)
        os.waitpid(number, 0)

    assert b"noted 1" in said and b"interrupted" in said, said.decode()


def test_a_command_that_has_started_others_is_told_with_all_of_them(tmp_path):
    """`sh -c 'make up && make verify'`: what sh has started would hold the stack's lock."""
    (tmp_path / "worker.py").write_text(WORKER)
    argv = ["sh", "-c", f"{sys.executable} {tmp_path}/worker.py; true"]
    script = CALLER.replace(f"[sys.executable, '-c', {WORKER!r}]", repr(argv))
    with subprocess.Popen(
        [sys.executable, "-c", script], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    ) as process:
        assert "works\n" == process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        said = process.stdout.read().splitlines()

    assert ["noted 1", "terminated"] == said


def test_what_a_signal_has_ended_has_not_failed_but_was_cut_off():
    killed = interrupts.run([sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]).returncode

    with pytest.raises(interrupts.CutOffError, match=r"pulumi up was ended by a signal \(SIGKILL\)"):
        interrupts.whole(killed, "pulumi up")
    assert 3 == interrupts.whole(3, "pulumi up"), "its own exit code is an answer"


def test_where_the_reader_has_gone_the_work_goes_on():
    script = (
        "import sys; from homeport.cli import interrupts; from homeport.cli.phases import say\n"
        "sys.stdin.readline(); interrupts.unread_to_nowhere(); say('down'); print('down', flush=True); sys.exit(7)"
    )
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, text=True, **streams) as process:
        process.stdout.close()
        process.stderr.close()
        process.stdin.write("gone\n")
        process.stdin.flush()
        assert 7 == process.wait(), "its first line would have ended it"


def test_a_command_gets_its_input_and_its_output_is_had():
    done = interrupts.run(
        [sys.executable, "-c", "import sys; print(sys.stdin.read().upper()); sys.exit(3)"],
        "text",
        stdout=subprocess.PIPE,
    )

    assert (3, "TEXT\n") == (done.returncode, done.stdout)
