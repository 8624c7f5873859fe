"""Copies of folders without Docker: all of one, with its links and databases, and what has no place in a copy."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from host_scripts import common, copies, sets

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


@pytest.mark.parametrize("parts", [":", ":a,,b", ":,"])
def test_a_part_without_a_name_is_none(parts, tmp_path, monkeypatch):
    monkeypatch.setenv("COPIES", f"agent=/home/.agent{parts}")
    with pytest.raises(common.BackupError, match="COPIES"):
        common.settings(Path(tmp_path))
