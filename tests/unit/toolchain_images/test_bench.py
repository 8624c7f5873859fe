"""The workbench of a build: locks, leftovers, logs, packing."""

import os
import subprocess
import sys
import tarfile

import pytest

from toolchain.images import pack, store
from toolchain.images.errors import ImageError
from toolchain.images.kit import Kit

HOLDER = """
import sys, time
from toolchain.images import store
with store.lock("thing", print):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def holder():
    process = subprocess.Popen([sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdin is not None
    assert process.stdout.readline() == "held\n", "the other run holds the lock"
    yield process
    process.kill()
    process.wait()
    process.stdin.close()
    process.stdout.close()


def test_the_second_run_is_told_whom_it_waits_for_and_goes_on_when_that_ends(holder):
    messages = []

    def say(line):
        messages.append(line)
        holder.stdin.close()

    with store.lock("thing", say):
        assert len(messages) == 1, "the wait is told once"
        assert f"waiting for process {holder.pid}" in messages[0], "one has to know whom to look at"


def test_a_killed_run_frees_its_lock(holder):
    holder.kill()
    holder.wait()
    messages = []
    with store.lock("thing", messages.append):
        assert [] == messages, "nobody holds it: a killed build would block every later one"


def test_leftovers_of_a_killed_build_are_removed_by_the_next(cache):
    left = store.folder("work", "redis_7.4.11-alpine.1", "root")
    other = store.folder("work", "caddy_2.10-alpine.1")
    kit = Kit("redis:7.4.11-alpine", cache)
    assert not left.exists(), "half a tree must not get into an image, nor fill the disk"
    assert other.exists(), "another image's build may be running"
    assert [] == list(kit.root.iterdir()), "a build starts from nothing"
    kit.close()
    assert not kit.work.exists(), "scratch space is given back"


def test_a_failing_command_shows_the_logs_last_lines_and_where_the_log_is(cache):
    kit = Kit("redis:7.4.11-alpine", cache)
    script = "for i in $(seq 100); do echo line-$i; done; exit 3"
    with pytest.raises(ImageError) as told:
        kit.run(["sh", "-c", script])
    text = str(told.value)
    assert "status 3" in text, "how it ended"
    assert "line-100\n" in f"{text}\n" and "line-1\n" not in text, "the last lines, not all of them"
    assert str(kit.log) in text, "where the rest is"


def test_progress_lines_carry_the_image_and_the_seconds(cache, capsys):
    Kit("redis:7.4.11-alpine", cache).phase("packing")
    assert "[   0.0 s] redis:7.4.11-alpine: packing\n" == capsys.readouterr().out, "two builds share the terminal"


def test_a_missing_program_is_told_with_the_command_that_brings_it(cache):
    with pytest.raises(ImageError, match=r"no `no-such-tool`.*\n  fix: apt-get install it"):
        Kit("redis:7.4.11-alpine", cache).need("no-such-tool", "apt-get install it")


def test_packing_gives_files_to_root_and_capabilities_to_those_that_have_them(cache, monkeypatch):
    kit = Kit("redis:7.4.11-alpine", cache)
    program = kit.root / "usr/bin/tool"
    program.parent.mkdir(parents=True)
    program.write_bytes(b"#!/bin/sh\n")
    program.chmod(0o755)
    value = "\x01\x00\x00\x02\x00\x04\x00\x00" + "\x00" * 12
    kit.capabilities["usr/bin/tool"] = value
    dockerfile = cache / "Dockerfile"
    dockerfile.write_text("FROM scratch\n")
    real, ran = kit.run, []
    monkeypatch.setattr(kit, "run", lambda argv: ran.append(argv) if argv[0] == "docker" else real(argv))
    pack.build(kit, dockerfile, {"kind": "real"})
    with tarfile.open(kit.work / "context/rootfs.tar") as tar:
        last = [member for member in tar.getmembers() if member.name == "./usr/bin/tool"][-1]
    assert (0, 0, 0o755) == (last.uid, last.gid, last.mode), "a program in an image belongs to root"
    assert value == last.pax_headers["SCHILY.xattr.security.capability"], "Caddy could not bind port 80"
    assert [["--label", "homeport.image.kind=real"]] == [
        ran[0][i : i + 2] for i, word in enumerate(ran[0]) if word == "--label"
    ]
    assert os.fspath(kit.work / "context") == os.fspath(ran[0][-1]), "the context is the archive and the Dockerfile"
