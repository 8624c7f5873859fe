"""A file with secrets is the old one or the new one, whoever kills the program and whenever."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from infra_tools import files

APP = Path(__file__).resolve().parents[1]
_WRITER = """
import sys, pathlib
sys.path.insert(0, sys.argv[1])
from infra_tools import files
path, old, new = pathlib.Path(sys.argv[2]), b"A=old\\n" * 50_000, b"A=new\\n" * 60_000
print("ready", flush=True)
while True:
    files.replace(path, new, old)
    files.replace(path, old, new)
"""


@pytest.mark.req("S4-42")
def test_a_kill_in_the_midst_of_a_write_leaves_the_old_file_or_the_new(tmp_path):
    path = tmp_path / ".env"
    old, new = b"A=old\n" * 50_000, b"A=new\n" * 60_000
    chance, seen = random.Random(0), set()  # noqa: S311  # when to kill
    for _ in range(12):
        path.write_bytes(old)
        writer = subprocess.Popen(
            [sys.executable, "-c", _WRITER, str(APP), str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        writer.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            writer.wait(chance.uniform(0, 0.03))
        writer.send_signal(signal.SIGKILL)
        writer.wait()
        writer.stdout.close()
        content = path.read_bytes()
        assert content in (old, new), "whole, whatever was under way"
        seen.add(content)
        files.replace(path, b"A=next\n", content)
        assert [".env"] == [one.name for one in tmp_path.iterdir()], (
            "what the killed one left is taken away by the next"
        )
        assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert seen, "kills were seen"


def test_a_file_that_was_changed_meanwhile_is_not_overwritten(tmp_path):
    path = tmp_path / ".env"
    path.write_bytes(b"A=1\n")
    with pytest.raises(FileExistsError):
        files.replace(path, b"A=3\n", b"A=0\n")
    with pytest.raises(FileExistsError):
        files.replace(path, b"A=3\n", None)
    assert b"A=1\n" == path.read_bytes()


def test_no_umask_and_no_planted_file_opens_it_to_others(tmp_path):
    path, elsewhere = tmp_path / ".env", tmp_path / "elsewhere"
    (tmp_path / ".env.new").write_text("")
    (tmp_path / "..env.new").symlink_to(elsewhere)
    before = os.umask(0)
    try:
        files.replace(path, b"A=1\n", None)
    finally:
        os.umask(before)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert not elsewhere.exists(), "a link that somebody planted is not followed"


def test_a_folder_that_takes_no_file_leaves_the_old_one(tmp_path, monkeypatch):
    path = tmp_path / ".env"
    path.write_bytes(b"A=1\n")

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        files.replace(path, b"A=2\n", b"A=1\n")
    assert (b"A=1\n", [".env"]) == (path.read_bytes(), [one.name for one in tmp_path.iterdir()])
