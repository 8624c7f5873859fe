"""The queue: deliveries that have come, and the jobs that came of them. A job is in it before GitHub is answered."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

State = Literal["queued", "running", "patched", "failing", "failed", "dropped", "done"]
"""``patched``: the agent is through, and its patch is kept. ``failing``: nobody has been told yet."""
_ENDED = ("failed", "dropped")
"""After these an issue may be given to the agent again."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    id TEXT PRIMARY KEY,
    digest TEXT NOT NULL UNIQUE,
    at REAL NOT NULL
);
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    repository TEXT NOT NULL,
    issue INTEGER NOT NULL,
    title TEXT NOT NULL,
    body TEXT NOT NULL,
    branch TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'queued',
    attempts INTEGER NOT NULL DEFAULT 0,
    patch BLOB NOT NULL DEFAULT x'',
    note TEXT NOT NULL DEFAULT '',
    pull INTEGER NOT NULL DEFAULT 0,
    at REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_of_an_issue ON jobs (repository, issue);
"""
_COLUMNS = "id, repository, issue, title, body, branch, state, attempts, patch, note, pull"


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What an event asks for.

    Attributes:
        repository: ``owner/name``, in small letters.
        issue: Its number.
        title: Its title, which anybody may have written.
        body: Its text, which anybody may have written.
        branch: The repository's default branch.
    """

    repository: str
    issue: int
    title: str
    body: str
    branch: str


@dataclass(frozen=True, kw_only=True)
class Job(Wish):
    """A wish in the queue.

    Attributes:
        id: Its number here.
        state: How far it is.
        attempts: How often the agent was started for it.
        patch: What the agent has made of it.
        note: Why it has failed or was dropped.
        pull: Number of its pull request; 0: none yet.
    """

    id: int
    state: State
    attempts: int
    patch: bytes
    note: str
    pull: int

    @property
    def head(self) -> str:
        """The branch of its pull request."""
        return f"auto-fix/{self.issue}"


class Queue:
    """A file that survives kills; each call is one transaction.

    Args:
        path: The database's file; its folder is there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        # Receiver and worker are two users of one group, which SQLite by itself would only let read.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o660))
        with self._transaction() as data:
            for statement in _SCHEMA.split(";"):
                data.execute(statement)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        # The log in the folder beside it, and on the disk before a call is over (sqlite.org/pragma.html, synchronous).
        with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as data:
            data.execute("PRAGMA journal_mode = DELETE")
            data.execute("PRAGMA synchronous = FULL")
            data.execute("BEGIN IMMEDIATE")
            try:
                yield data
                data.execute("COMMIT")
            except BaseException:
                data.execute("ROLLBACK")
                raise

    def deliver(self, delivery: str, digest: str, wish: Wish | None) -> int | None:
        """Notes a delivery, and what it asks for.

        Args:
            delivery: GitHub's id of it, which no signature covers.
            digest: Of the body, which is signed: the same event under another id is the same.
            wish: What it asks for; None: nothing.

        Returns:
            The job's number; 0 where nothing is to be done (no wish, or the issue has a job); None where the delivery
            was here before.
        """
        with self._transaction() as data:
            if data.execute("SELECT 1 FROM deliveries WHERE id = ? OR digest = ?", (delivery, digest)).fetchone():
                return None
            data.execute("INSERT INTO deliveries VALUES (?, ?, ?)", (delivery, digest, time.time()))
            if wish is None:
                return 0
            issue = (wish.repository, wish.issue)
            states = data.execute("SELECT state FROM jobs WHERE repository = ? AND issue = ?", issue).fetchall()
            if any(state not in _ENDED for (state,) in states):
                return 0
            row = (*issue, wish.title, wish.body, wish.branch, time.time())
            return data.execute(
                "INSERT INTO jobs (repository, issue, title, body, branch, at) VALUES (?, ?, ?, ?, ?, ?)", row
            ).lastrowid

    def waiting(self) -> list[Job]:
        """The jobs that have not ended, the oldest first."""
        with self._transaction() as data:
            rows = data.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE state NOT IN ('done', 'failed', 'dropped') ORDER BY id"  # noqa: S608  # a constant
            ).fetchall()
        return [_job(row) for row in rows]

    def start(self, job: Job) -> None:
        """The agent is started for it, which counts however that ends."""
        with self._transaction() as data:
            data.execute("UPDATE jobs SET state = 'running', attempts = attempts + 1 WHERE id = ?", (job.id,))

    def become(self, job: Job, state: State, *, note: str = "", patch: bytes = b"", pull: int = 0) -> None:
        """A step is done."""
        with self._transaction() as data:
            data.execute(
                "UPDATE jobs SET state = ?, note = ?, patch = ?, pull = ? WHERE id = ?",
                (state, note, patch, pull, job.id),
            )

    def jobs(self) -> list[Job]:
        """All of them, the oldest first."""
        with self._transaction() as data:
            return [_job(row) for row in data.execute(f"SELECT {_COLUMNS} FROM jobs ORDER BY id")]  # noqa: S608  # a constant


def _job(row: tuple[object, ...]) -> Job:
    return Job(**dict(zip(_COLUMNS.split(", "), row, strict=True)))  # type: ignore[arg-type]
