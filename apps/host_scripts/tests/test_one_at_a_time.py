"""A copy, a drill and a restore of one host take turns: who reads while another removes would find parts missing."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pytest
from host_scripts import common, main

RESTORE = SimpleNamespace(to=None, snapshot="", replace=False)
WORKS = {
    "backup": main._offsite,
    "verify": main._verify,
    "restore": lambda chosen: main._restored(chosen, RESTORE),
    "to_folder": lambda chosen: main._restored(chosen, SimpleNamespace(to="folder", snapshot="")),
}
HOLD = """
import sys
from pathlib import Path
from host_scripts import common
with common.lock(Path(sys.argv[1]), "the repository"):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def chosen(tmp_path):
    return SimpleNamespace(n8n="", servers=(), stores=(), copies=(), offsite=True, folder=tmp_path)


@pytest.fixture
def other(tmp_path):
    """Another process that has the repository, until it is told to end."""
    argv = [sys.executable, "-c", HOLD, str(tmp_path)]
    path = {"PYTHONPATH": str(common.__file__).rpartition("/host_scripts/")[0]}
    # At the end its input is closed, and it ends.
    with subprocess.Popen(argv, env=path, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert "held\n" == process.stdout.readline()
        yield process


@pytest.mark.req("FP-21")
@pytest.mark.parametrize("name", WORKS)
def test_each_has_the_repository_for_itself_and_waits_for_whoever_has_it(name, chosen, other, monkeypatch, capfd):
    waits = threading.Event()

    def work(*_words, **_named):
        assert other.poll() is not None, "it has waited"
        with pytest.raises(common.BackupError, match="another run is under way") as refused:
            common.lock(chosen.folder, "the repository").__enter__()
        assert common.LOCKED == refused.value.code
        return {"copy": "whole"}

    def sleep(_seconds):
        waits.set()
        other.stdin.close()
        other.wait(timeout=60)

    monkeypatch.setattr(main, "offsite", SimpleNamespace(**dict.fromkeys(WORKS, work), prepared=lambda _: {}))
    monkeypatch.setattr(main, "_run", lambda *_: 0)
    monkeypatch.setattr(main.messages, "heartbeat", lambda _: None)
    monkeypatch.setattr(common, "time", SimpleNamespace(monotonic=time.monotonic, sleep=sleep))

    assert "whole" == WORKS[name](chosen)["copy"]
    assert waits.is_set() and "the repository: another run is under way, and is waited for" in capfd.readouterr().err


@pytest.mark.req("FP-21")
def test_whoever_never_ends_is_not_waited_for_for_ever(chosen, other):
    with (
        pytest.raises(common.BackupError, match="another run is under way") as refused,
        common.lock(chosen.folder, "the repository", patience=1.5),
    ):
        pytest.fail("two have it")
    assert common.LOCKED == refused.value.code and other.poll() is None
