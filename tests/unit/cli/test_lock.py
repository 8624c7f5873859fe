"""One command at a time on a stack, and locks whose holder is dead."""

import fcntl
import getpass
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from homeport.cli.interrupts import CutOffError
from homeport.cli.lock import held, remove_dead_lock, remove_half_written
from homeport.cli.places import lock_file, unfinished
from homeport.model.errors import ToolError
from tests.support import signals
from tests.support.waits import until

ROOT = Path(__file__).resolve().parents[3]
HOLD = """
import time
from homeport.cli.interrupts import CutOffError
from homeport.cli.lock import held
with held('dev', 'make up'):
    print('held', flush=True)
    time.sleep(600)
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def holder():
    process = subprocess.Popen([sys.executable, "-c", HOLD], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_ends_at_once_and_says_who_holds_the_stack_and_since_when(holder):
    with pytest.raises(ToolError) as refused, held("dev", "make down"):
        pass

    said = str(refused.value)
    assert holder.poll() is None, "nobody waits without knowing for whom"
    assert f"process {holder.pid}" in said, said
    assert "`make up`" in said, said
    assert socket.gethostname() in said, said
    assert re.search(r"since \d{4}-\d\d-\d\d \d\d:\d\d:\d\d, ", said), said


RACER = """
import sys
from homeport.cli.lock import held
from homeport.model.errors import ToolError
for line in sys.stdin:
    try:
        with held('dev', 'make up'):
            print('won', flush=True)
            sys.stdin.readline()
    except ToolError as refused:
        print(' '.join(str(refused).split()), flush=True)
"""


@pytest.mark.req("D-05")
def test_of_two_at_the_same_moment_one_has_it_and_the_other_is_told_whose_it_is_in_each_of_fifty_races():
    streams = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    racers = [subprocess.Popen([sys.executable, "-c", RACER], cwd=ROOT, **streams) for _ in range(2)]
    wrong = []
    try:
        for number in range(50):
            for racer in racers:
                racer.stdin.write("go\n")
            said = {racer: racer.stdout.readline() for racer in racers}
            winners = [racer for racer in racers if said[racer] == "won\n"]
            who = [f"of {getpass.getuser()} on {socket.gethostname()} (process {one.pid})" for one in winners]
            if 1 != len(winners) or not any(who[0] in words for words in said.values()):
                wrong.append(f"race {number}: {list(said.values())}")
            for racer in winners:
                racer.stdin.write("end\n")
    finally:
        for racer in racers:
            racer.communicate()

    assert [] == wrong, "never two, never none, and nobody waits without knowing for whom"


@pytest.mark.req("D-05")
@pytest.mark.parametrize("before", [False, True], ids=["nobody before", "one before was killed"])
def test_who_has_just_taken_it_is_named_and_nobody_who_had_it_before(before):
    path, me = lock_file("dev"), {"user": "ada", "host": socket.gethostname(), "command": "make up", "since": 0}
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({**me, "pid": dead_pid()}) if before else "")
    with path.open("a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        saying = threading.Timer(0.2, lambda: path.write_text(json.dumps({**me, "pid": os.getpid()})))
        saying.start()
        with pytest.raises(ToolError, match=rf"of ada on .* \(process {os.getpid()}\)"), held("dev", "make down"):
            pass
        saying.join()


def end(by):
    if isinstance(by, BaseException):
        raise by
    os.kill(os.getpid(), by)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize(
    "by", [signal.SIGTERM, signal.SIGHUP, KeyboardInterrupt(), BrokenPipeError(), CutOffError("pulumi up was ended")]
)
def test_what_was_cut_off_in_the_middle_of_a_change_is_looked_for_by_the_next_command(by):
    """Pulumi was asked to end in order, and may have been killed all the same, or was killed alone."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    with pytest.raises((KeyboardInterrupt, BrokenPipeError, CutOffError)), held("dev", "make up") as run:
        run.recovered = run.changing = True
        end(by)

    assert before == [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)], "as it was before"
    with held("dev", "make up") as run:
        assert run.killed and run.since, "it knows since when"
        run.recovered = True
    with held("dev", "make up") as run:
        assert not run.killed, "once repaired it is over"


def test_a_change_that_nohup_has_begun_is_not_cut_off_when_its_terminal_closes():
    with signals.ignored(signal.SIGHUP):
        with held("dev", "make up") as run:
            run.recovered = run.changing = True
            end(signal.SIGHUP)
        assert signal.SIG_IGN == signal.getsignal(signal.SIGHUP), "as it was before"

    assert not unfinished("dev").exists(), "it came to its end"


def test_who_ends_it_before_anything_changes_leaves_nothing_to_look_for():
    """Ctrl-C at the question: a colleague may be at work on what would be looked for."""
    with pytest.raises(KeyboardInterrupt), held("dev", "make up"):
        raise KeyboardInterrupt

    with held("dev", "make up") as run:
        assert not run.killed


def test_a_user_that_nobody_has_named_holds_it_by_his_number(monkeypatch):
    def nobody():
        raise KeyError("uid not found")

    monkeypatch.setattr("getpass.getuser", nobody)
    with held("dev", "make up"), pytest.raises(ToolError, match=f"of {os.getuid()} on"), held("dev", "make down"):
        pass


@pytest.mark.usefixtures("holder")
def test_another_stack_is_free():
    with held("prod", "make up") as run:
        assert not run.killed, "nothing of this stack was killed"


def test_a_killed_holder_frees_the_lock_and_leaves_the_mark(holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()

    with held("dev", "make up") as run:
        assert run.killed, "its work may be half done"
        run.recovered = True
    with held("dev", "make up") as run:
        assert not run.killed, "that run ended by itself"


@pytest.mark.req("D-04")
def test_a_recovery_that_failed_leaves_the_mark_with_its_time(holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    began = unfinished("dev").stat().st_mtime

    with pytest.raises(ToolError), held("dev", "make up"):
        raise ToolError("Hetzner Cloud does not answer")
    with held("dev", "make up") as run:
        assert (True, began) == (run.killed, run.since), (
            "what the killed run made is still to be found, and by its time"
        )


def test_a_run_that_fails_leaves_no_mark():
    with pytest.raises(ToolError), held("dev", "make up"):
        raise ToolError("docker: no daemon answers")

    assert not unfinished("dev").exists(), "a failure is an end; only a kill is none"


def pulumi_lock(folder, pid, host=None, text=None):
    path = folder / "locks" / "organization" / "homeport" / "dev" / "one.json"
    path.parent.mkdir(parents=True)
    said = {
        "pid": pid,
        "username": "ada",
        "hostname": host or socket.gethostname(),
        "timestamp": "2026-01-02T03:04:05Z",
    }
    path.write_text(json.dumps(said) if text is None else text)
    asked = []
    stack = SimpleNamespace(name="dev")
    return SimpleNamespace(state_folder=folder, stack=stack, ask=lambda *argv: asked.append(argv)), asked


def dead_pid():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_pulumis_lock_of_a_dead_process_is_removed(tmp_path):
    engine, asked = pulumi_lock(tmp_path, dead_pid())

    assert remove_dead_lock(engine), "there was one"
    assert [("cancel", "--yes")] == asked, "Pulumi's own command removes it"


def test_pulumis_lock_whose_number_was_given_to_another_program_is_removed(tmp_path):
    engine, asked = pulumi_lock(tmp_path, os.getpid())

    assert remove_dead_lock(engine), "this is pytest, and no Pulumi"
    assert asked, "it is removed"


def test_a_lock_that_was_cut_short_by_the_kill_is_removed(tmp_path):
    engine, asked = pulumi_lock(tmp_path, 0, text='{"pid": 12')

    assert remove_dead_lock(engine), "nobody can be asked by it"
    assert asked, "it is removed"


def test_pulumis_lock_of_another_machine_is_kept(tmp_path):
    engine, asked = pulumi_lock(tmp_path, dead_pid(), host="another.example.com")

    with pytest.raises(ToolError, match=r"ada on another\.example\.com.*2026-01-02"):
        remove_dead_lock(engine)
    assert [] == asked, "who knows whether that process lives"


def test_pulumis_lock_of_a_living_pulumi_is_kept(tmp_path):
    program = tmp_path / "pulumi"
    program.write_text("#!/bin/sh\nread word\n")
    program.chmod(0o755)
    process = subprocess.Popen([program], stdin=subprocess.PIPE)
    try:
        comm = Path(f"/proc/{process.pid}/comm")
        until(lambda: comm.read_text().strip() == "pulumi", "it does not start")
        engine, asked = pulumi_lock(tmp_path / "state", process.pid)
        with pytest.raises(ToolError, match=f"process {process.pid}"):
            remove_dead_lock(engine)
        assert [] == asked, "two updates at once would break the state"
    finally:
        process.kill()
        process.communicate()


@pytest.mark.req("D-01")
@pytest.mark.parametrize("half", ["", '{"user.cache_control":"","user.con'])
def test_attributes_that_pulumi_was_killed_over_are_removed_and_nothing_else(tmp_path, half):
    stacks = tmp_path / "stacks" / "homeport"
    stacks.mkdir(parents=True)
    for name, text in (("prod.json", "{}"), ("prod.json.attrs", half), ("dev.json.attrs", '{"md5": "x"}')):
        (stacks / name).write_text(text)

    found = remove_half_written(SimpleNamespace(state_folder=tmp_path))

    assert ["prod.json.attrs"] == [one.name for one in found], (
        "half a file stops every command; a whole one does no harm"
    )
    assert {"prod.json", "dev.json.attrs"} == {one.name for one in stacks.iterdir()}, "the state itself is untouched"
