"""Copies of folders without Docker: all of one, with its links and databases, and what has no place in a copy."""

from __future__ import annotations

import gzip
import io
import os
import resource
import sqlite3
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from host_scripts import common, copies, sets

APP = Path(__file__).resolve().parents[1]
DOCKER = """#!/bin/sh
# Docker's client for one container, which is the folder $FAKE; it writes down what it was asked for.
echo "$*" >>"$FAKE.calls"
case "$1 $2" in
  "ps "*) echo agent ;;
  "cp -") tar -xf - -C "$FAKE${3#agent:}" ;;
  "cp agent:"*)
    path=$FAKE${2#agent:}
    [ -e "$path" ] || { echo "Error: Could not find the file $path" >&2; exit 1; }
    tar -cf - -C "$(dirname "$path")" "$(basename "$path")" ;;
esac
"""


@pytest.fixture
def agent(tmp_path, monkeypatch):
    """A container's file system, with a folder whose owner keeps databases in it."""
    place = tmp_path / "agent"
    (place / "home/.agent/state").mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/docker").write_text(DOCKER)
    (tmp_path / "bin/docker").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("FAKE", str(place))
    return place / "home/.agent"


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.setenv("BACKUP_DIR", str(tmp_path / "backups"))
    monkeypatch.setenv("COPIES", "!agent=/home/.agent")
    return common.settings(tmp_path)


def said(connection, *words):
    connection.executemany("INSERT INTO said VALUES (?)", [(word,) for word in words])


def opened(path):
    """A database whose newest rows are in its log, as one of a program that runs."""
    database = sqlite3.connect(path, isolation_level=None)
    # Younger than the SQLite of some hosts.
    database.create_function("its_own", 1, lambda text: len(text) < 100, deterministic=True)
    database.execute("PRAGMA journal_mode = wal")
    database.execute("CREATE TABLE IF NOT EXISTS said (text TEXT CHECK (its_own(text))) STRICT")
    return database


def rows(path):
    database = opened(path)
    found = [text for (text,) in database.execute("SELECT text FROM said")]
    database.close()
    return found


def everything(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.name.endswith("-shm")}


def test_all_of_a_folder_comes_back_as_it_was_while_its_owner_stood_still(agent, settings, tmp_path):
    path = agent / "state/agent.sqlite"
    database = opened(path)
    said(database, "a", "b")
    (agent / "notes.md").write_text("a note")
    (agent / "latest").symlink_to("notes.md")
    (agent / "elsewhere").symlink_to("/opt/agent/tools")
    assert (agent / "state/agent.sqlite-wal").stat().st_size, "its newest rows are in its log"
    before = everything(agent)
    copies.backup(settings)
    calls = (tmp_path / "agent.calls").read_text()
    assert calls.index("pause agent") < calls.index("cp agent:/home/.agent -", calls.index("pause")), "it stands still"
    assert 2 == copies.verify(settings)["copies"]["agent"]["sqlite"], "SQLite reads it, the rows of its log too"

    database.close()
    path.unlink()
    (agent / "latest").unlink()
    (agent / "notes.md").write_text("another")
    other = opened(path)
    said(other, "of another host")
    other.close()
    (agent / "state/other.sqlite-wal").write_text("the log of a database that the copy does not have")
    with pytest.raises(common.BackupError, match="--replace"):
        copies.restore(settings, "agent", "", replace=False)
    copies.restore(settings, "agent", "", replace=True)

    assert before <= everything(agent)
    assert "a note" == (agent / "latest").read_text()
    assert "/opt/agent/tools" == str((agent / "elsewhere").readlink())
    assert ["a", "b"] == rows(path), "not a row of another state"
    assert 0 == (agent / "state/other.sqlite-wal").stat().st_size, "a log that the copy has none of is played nowhere"


def test_a_torn_database_of_a_folder_is_found(agent, settings):
    database = opened(agent / "state/agent.sqlite")
    said(database, *(f"{number} {'x' * 80}" for number in range(500)))
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    database.close()
    whole = (agent / "state/agent.sqlite").read_bytes()
    (agent / "state/agent.sqlite").write_bytes(whole[: len(whole) // 2])
    copies.backup(settings)

    with pytest.raises(common.BackupError, match="no sound database"):
        copies.verify(settings)


def test_what_could_not_be_laid_back_makes_no_set(agent, settings):
    copies.backup(settings)
    os.mkfifo(agent / "pipe")
    with pytest.raises(common.BackupError, match="no place in a copy"):
        copies.backup(settings)

    assert 1 == len(sets.all_in(copies.sets_of(settings, settings.copies[0]))), "it is said, and the one before stays"


def ran(kibibytes):
    """A run for which no file may become larger than that, as on a disk with as much left."""
    script = f"trap '' XFSZ; ulimit -f {kibibytes}; exec {sys.executable} -B {APP}/backup.py copies"
    return subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)


def test_on_a_full_disk_a_run_fails_and_never_counts_and_the_copy_before_stays(agent, settings):
    folder = copies.sets_of(settings, settings.copies[0])
    assert 0 == ran("unlimited").returncode, "the control"
    good, before = common.last_good(settings.folder, "copies"), sets.all_in(folder)
    (agent / "notes.md").write_bytes(os.urandom(100_000))
    # With nothing left not even the result can be written.
    for left, status in ((4, "error"), (0, "ok")):
        (settings.folder / "results/copies.json").write_text(f'{{"status": "ok", "last_good": {good}}}')
        done = ran(left)
        assert 1 == done.returncode and "File too large" in done.stderr and "fix: " in done.stderr, done.stderr
        assert '"status": "error"' in done.stdout, "whoever reads the line knows"
        assert (status, good) == (
            common.outcome(settings.folder, "copies")["status"],
            common.last_good(settings.folder, "copies"),
        ), "it is not the last one that went well"
        assert before == sets.all_in(folder) == list(folder.iterdir()), "nor is half of a set there"
    assert 0 == ran("unlimited").returncode, "with room again it goes through"


@pytest.mark.parametrize("parts", [":", ":a,,b", ":,"])
def test_a_part_without_a_name_is_none(parts, tmp_path, monkeypatch):
    monkeypatch.setenv("COPIES", f"agent=/home/.agent{parts}")
    with pytest.raises(common.BackupError, match="COPIES"):
        common.settings(Path(tmp_path))


FILE, LINK, HARD = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.LNKTYPE
HOSTILE = {
    # What an archive holds: names, kinds and where links lead; of all of the folder, or of the part in the third place.
    "above": ([("../evil", FILE, "")], ""),
    "from below to above": ([(".agent/a/../../evil", FILE, "")], ""),
    "absolute": ([("/evil", FILE, "")], ""),
    "beside the folder": ([(".agent/a", FILE, ""), ("evil", FILE, "")], ""),
    "nowhere": ([(".", FILE, "")], ""),
    "through a link": ([(".agent/a", LINK, "/"), (".agent/a/evil", FILE, "")], ""),
    "in the place of a link": ([(".agent/a", LINK, "/evil"), (".agent/a", FILE, "")], ""),
    "a link in the place of a link": ([(".agent/a", LINK, "b"), (".agent/a", LINK, "/evil")], ""),
    "a link in a part": ([("state", LINK, "/evil")], "state"),
    "a hard link": ([(".agent/a", HARD, "/etc/passwd")], ""),
    "a hard link to what the copy holds": ([(".agent/a", FILE, ""), (".agent/b", HARD, ".agent/a")], ""),
    "a device": ([(".agent/a", tarfile.CHRTYPE, "")], ""),
    "a disk": ([(".agent/a", tarfile.BLKTYPE, "")], ""),
    "a pipe": ([(".agent/a", tarfile.FIFOTYPE, "")], ""),
    "a part above": ([("evil", FILE, "")], "../evil"),
    "a part from below to above": ([("evil", FILE, "")], "a/../../evil"),
    "an absolute part": ([("evil", FILE, "")], "/evil"),
}


def made_by_hand(settings, archive, part=""):
    """A set whose checksums are right, as whoever holds the keys can make one."""
    with sets.new(copies.sets_of(settings, settings.copies[0]), 3) as draft:
        (draft.folder / "0.tar.gz").write_bytes(archive)
        draft.finish({"container": "agent", "root": "/home/.agent", "parts": [{"part": part, "file": "0.tar.gz"}]})


def archive(*members, mode=0o644):
    with io.BytesIO() as packed:
        with tarfile.open(fileobj=packed, mode="w:gz") as made:
            for name, kind, to in members:
                member = tarfile.TarInfo(name)
                member.type, member.linkname, member.mode = kind, to, mode
                member.size = 4 if kind == FILE else 0
                made.addfile(member, io.BytesIO(b"evil"))
        return packed.getvalue()


def outside(agent, tmp_path):
    """All that is not in the container's folder, and not the program's own."""
    known = (agent, tmp_path / "backups", tmp_path / "agent.calls")
    return {str(path) for path in tmp_path.rglob("*") if not any(path.is_relative_to(one) for one in known)}


@pytest.mark.req("F-12")
@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_archive_is_refused_before_anything_is_laid(agent, settings, tmp_path, what):
    members, part = HOSTILE[what]
    made_by_hand(settings, archive(*members), part)
    before, held = outside(agent, tmp_path), everything(agent)
    for work in (copies.verify, lambda each: copies.restore(each, "agent", "", replace=True)):
        with pytest.raises(common.BackupError, match="has no place in a copy"):
            work(settings)

    calls = tmp_path / "agent.calls"
    assert "cp -" not in (calls.read_text() if calls.exists() else ""), "Docker was handed nothing"
    assert (before, held) == (outside(agent, tmp_path), everything(agent)), "and no file is another"


@pytest.mark.req("F-12")
def test_files_whose_names_differ_in_case_and_one_that_changes_its_user_come_back_in_their_folder_alone(
    agent, settings, tmp_path
):
    made_by_hand(settings, archive((".agent/Note", FILE, ""), (".agent/note", FILE, ""), mode=0o4755))
    before = outside(agent, tmp_path)
    line = copies.restore(settings, "agent", "", replace=True)

    assert 2 == line["files"] and {"Note", "note"} <= everything(agent), "each of them"
    assert before == outside(agent, tmp_path)


MEGABYTES = 10 << 10 if os.environ.get("HOMEPORT_CAMPAIGN") == "whole" else 64


@pytest.mark.req("F-12")
@pytest.mark.usefixtures("agent")
def test_what_is_ten_gigabytes_once_unpacked_is_read_and_laid_with_room_for_none_of_it(settings, tmp_path):
    member = tarfile.TarInfo(".agent/bomb")
    member.size = MEGABYTES << 20
    with io.BytesIO() as packed:
        with gzip.GzipFile(fileobj=packed, mode="wb", compresslevel=1) as bomb:
            bomb.write(member.tobuf())
            for _ in range(MEGABYTES):
                bomb.write(bytes(1 << 20))
            bomb.write(bytes(1024))
        made_by_hand(settings, packed.getvalue())
    # A container that takes all of it.
    (tmp_path / "bin/docker").write_text(DOCKER.replace('tar -xf - -C "$FAKE${3#agent:}"', "cat >/dev/null"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        # Of this program: what is unpacked is kept nowhere on the way.
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        copies.verify(settings)
        copies.restore(settings, "agent", "", replace=True)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 64 << 10, "nor in memory, in KiB"
