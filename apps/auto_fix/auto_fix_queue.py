"""The queue: deliveries that have come, and the jobs that came of them. A job is in it before GitHub is answered.

A disk that gives back another byte than it was given must not change what the agent is asked, or what is pushed: each
job has a seal, and a file with damage is set aside when a program starts, with what can be read of it in a new one.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import sqlite3
import time
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

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
    at REAL NOT NULL,
    seal TEXT NOT NULL DEFAULT ''
);
CREATE INDEX IF NOT EXISTS jobs_of_an_issue ON jobs (repository, issue);
"""
_COLUMNS = "id, repository, issue, title, body, branch, state, attempts, patch, note, pull"
_SEALED = f"{_COLUMNS}, at"
_JOBS = f"SELECT {_SEALED}, seal FROM jobs"  # noqa: S608  # constants
_LOST = "the queue's file was damaged here"
_SMALLEST_ROW = 16
"""Bytes of a job in the file, at the least: how many there were cannot be more than fit."""
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
"""The second where the words of the first would name a table by a name that is no text."""
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
"""Errors that say nothing of what is in the file."""


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
        self._path, self._lock = path, path.with_suffix(".lock")
        # Receiver and worker are two users of one group, which SQLite by itself would only let read.
        for file in (path, self._lock):
            _create(file)
        with self._locked(fcntl.LOCK_EX):
            if path.stat().st_size:
                self._set_damage_aside()
            else:
                _make(path, [], [])

    @contextmanager
    def _locked(self, how: int) -> Iterator[None]:
        """Beside others, for a transaction (``LOCK_SH``); alone, to put another file in its place (``LOCK_EX``)."""
        with self._lock.open("r+b") as lock:
            fcntl.flock(lock, how)
            yield

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._locked(fcntl.LOCK_SH), _opened(self._path) as data:
            _begin(data)
            try:
                yield data
                data.execute("COMMIT")
            except BaseException:
                # One that could not be written is rolled back already.
                with suppress(*_UNREADABLE):
                    data.execute("ROLLBACK")
                raise

    def _set_damage_aside(self) -> None:
        """Where the file has damage, puts a new one in its place with what can be read of it and fits its seal."""
        with _opened(self._path) as data:
            wrong = _damage(data)
            if not wrong:
                return
            jobs, deliveries = _readable(data, self._path.stat().st_size)
        new = self._path.with_suffix(".new")
        new.unlink(missing_ok=True)
        _create(new)
        _make(new, jobs, deliveries)
        aside = self._path.with_suffix(f".damaged-{time.time():.0f}")
        with suppress(FileExistsError):
            os.link(self._path, aside)
        # Of the file before: the new one must not be rolled back by it.
        self._path.with_name(f"{self._path.name}-journal").unlink(missing_ok=True)
        new.replace(self._path)
        lost = sum(job[_SEALED.split(", ").index("note")] == _LOST for job in jobs)
        print(f"the queue was damaged ({wrong}); it is now {aside}; of {len(jobs)} jobs {lost} are lost", flush=True)

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
            number = data.execute(
                "INSERT INTO jobs (repository, issue, title, body, branch, at) VALUES (?, ?, ?, ?, ?, ?)", row
            ).lastrowid
            _seal(data, number)
            return number

    def waiting(self) -> list[Job]:
        """The jobs that have not ended, the oldest first."""
        return self._read("WHERE state NOT IN ('done', 'failed', 'dropped')")

    def start(self, job: Job) -> None:
        """The agent is started for it, which counts however that ends."""
        self._change(job, "state = 'running', attempts = attempts + 1")

    def become(self, job: Job, state: State, *, note: str = "", patch: bytes = b"", pull: int = 0) -> None:
        """A step is done."""
        self._change(job, "state = ?, note = ?, patch = ?, pull = ?", state, note, patch, pull)

    def jobs(self) -> list[Job]:
        """All of them, the oldest first."""
        return self._read("")

    def _read(self, which: str) -> list[Job]:
        with self._transaction() as data:
            rows = data.execute(f"{_JOBS} {which} ORDER BY id").fetchall()
        return [_job(row) for row in rows]

    def _change(self, job: Job, text: str, *values: object) -> None:
        with self._transaction() as data:
            _job(data.execute(f"{_JOBS} WHERE id = ?", (job.id,)).fetchone())
            data.execute(f"UPDATE jobs SET {text} WHERE id = ?", (*values, job.id))  # noqa: S608  # our own text
            _seal(data, job.id)


def _create(path: Path) -> None:
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o660))


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, timeout=30, isolation_level=None)) as data:
        # A text that was damaged need not be one.
        data.text_factory = lambda text: text.decode("utf-8", "surrogateescape")
        yield data


def _begin(data: sqlite3.Connection) -> None:
    # The log in the folder beside it, and on the disk before a call is over (sqlite.org/pragma.html, synchronous).
    data.execute("PRAGMA journal_mode = DELETE")
    data.execute("PRAGMA synchronous = FULL")
    data.execute("BEGIN IMMEDIATE")


def _make(path: Path, jobs: list[tuple[Any, ...]], deliveries: list[tuple[Any, ...]]) -> None:
    with _opened(path) as data:
        _begin(data)
        for statement in _SCHEMA.split(";"):
            data.execute(statement)
        for table, rows in (("jobs", jobs), ("deliveries", deliveries)):
            for row in rows:
                data.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)  # noqa: S608  # as before
        data.execute("COMMIT")


def _sum(row: tuple[Any, ...]) -> str:
    return hashlib.sha256(repr(row).encode()).hexdigest()


def _seal(data: sqlite3.Connection, number: int | None) -> None:
    *row, _ = data.execute(f"{_JOBS} WHERE id = ?", (number,)).fetchone()
    data.execute("UPDATE jobs SET seal = ? WHERE id = ?", (_sum(tuple(row)), number))


def _job(row: tuple[Any, ...]) -> Job:
    *values, _, seal = row
    if seal != _sum(row[:-1]):
        raise sqlite3.DatabaseError(f"job {row[0]} does not fit its seal")
    return Job(**dict(zip(_COLUMNS.split(", "), values, strict=True)))


def _damage(data: sqlite3.Connection) -> str:
    """What is wrong with a file; empty: nothing."""
    try:
        # By one byte a file may be one that is only read.
        _begin(data)
        data.execute("ROLLBACK")
        if (said := data.execute("PRAGMA integrity_check(1)").fetchone()[0]) != "ok":
            return str(said)
        if _tables(data) != _usual_tables():
            return "its tables are others"
        rows = data.execute(f"{_JOBS} ORDER BY id").fetchall()
        if len(rows) != _last(data) or any(row[0] != number for number, row in enumerate(rows, 1)):
            return "jobs are missing"
        return "".join(f"job {row[0]} does not fit its seal; " for row in rows if row[-1] != _sum(row[:-1]))
    except _UNREADABLE as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _PASSING:
            raise
        return str(error)


def _tables(data: sqlite3.Connection) -> list[tuple[Any, ...]]:
    return data.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name").fetchall()


def _usual_tables() -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(":memory:")) as data:
        data.executescript(_SCHEMA)
        return _tables(data)


def _last(data: sqlite3.Connection) -> int:
    """Number of the last job that there was."""
    rows = data.execute("SELECT seq FROM sqlite_sequence WHERE name = 'jobs'").fetchall()
    return rows[0][0] if rows and isinstance(rows[0][0], int) else 0


def _readable(data: sqlite3.Connection, size: int) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Rows of jobs and deliveries that can be read; in the place of each other job one that has failed."""
    jobs = {row[0]: row for row in _rows(data, _JOBS) if row[-1] == _sum(row[:-1])}
    last = max(jobs, default=0)
    with suppress(*_UNREADABLE):
        last = max(last, said) if (said := _last(data)) <= size // _SMALLEST_ROW else last
    for number in range(1, last + 1):
        # Its number is not given out again: by that it is known at GitHub.
        row = (number, "", 0, "", "", "", "failed", 0, b"", _LOST, 0, 0.0)
        jobs.setdefault(number, (*row, _sum(row)))
    found = [row for row in _rows(data, "SELECT id, digest, at FROM deliveries") if _is_delivery(row)]
    # Each id and each digest once, as the table has it.
    by_id = {row[0]: row for row in found}
    return [jobs[number] for number in sorted(jobs)], [*{row[1]: row for row in by_id.values()}.values()]


def _is_delivery(row: tuple[Any, ...]) -> bool:
    return [type(value) for value in row] == [str, str, float] and f"{row[0]}{row[1]}".isascii()


def _rows(data: sqlite3.Connection, query: str) -> Iterator[tuple[Any, ...]]:
    """Those before a place that cannot be read, and those behind it."""
    for way in ("ASC", "DESC"):
        with suppress(*_UNREADABLE):
            yield from data.execute(f"{query} ORDER BY rowid {way}")
