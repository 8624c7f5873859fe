"""The exchange folder: requests in, results out, between two users who share a group and do not trust each other.

Everything is done relative to folders that were opened once, nothing follows a symbolic link, and what the other side can
write is opened without blocking and looked at before it is read. The order of ``finish`` makes one result per id, whatever
moment the worker is killed at: held answer, tombstone, request gone, result published.
"""

from __future__ import annotations

import dataclasses
import heapq
import os
import stat
import string
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from executor_folders import Folders
from executor_json import INPUT_LIMIT

if TYPE_CHECKING:
    from pathlib import Path

KEPT_S = 3600.0
"""Seconds: older requests are ignored, older results and tombstones removed."""
BATCH = 64
"""Requests taken from one look at the folder, the oldest first."""
RESULT_MODE = 0o640
_FIRST = frozenset(string.ascii_letters + string.digits)
_REST = _FIRST | {"-", "_"}
_LONGEST_ID = 64
_LOOK = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclasses.dataclass(frozen=True)
class Request:
    """What a request file held, and the age of its last change in seconds; no content when it may not be read."""

    raw: bytes | None
    age_s: float


def request_id(name: str) -> str | None:
    """The id in a file name ``<id>.json``, or None: 1 to 64 ASCII letters, digits, ``-`` and ``_``, the first no sign."""
    stem, dot, ending = name.rpartition(".")
    good = (
        ending == "json" and bool(dot) and 0 < len(stem) <= _LONGEST_ID and stem[0] in _FIRST and _REST.issuperset(stem)
    )
    return stem if good else None


class Spool:
    """The opened exchange folder."""

    def __init__(self, root: Path) -> None:
        """Open the folder.

        Raises:
            SpoolError: see ``Folders``.
        """
        self._folders = Folders(root)
        self._root = self._folders.root
        self._open = self._folders.parts

    def still_there(self) -> None:
        """Check that the opened folders are the ones a writer finds under their names.

        Raises:
            SpoolError: one was replaced.
        """
        self._folders.check()

    def touch_alive(self) -> None:
        """Set ``.alive`` to now; whatever else has taken that name is removed first."""
        for _ in range(2):
            with suppress(OSError):
                file = os.open(".alive", _MAKE, 0o640, dir_fd=self._root)
                try:
                    found = os.fstat(file)
                    if stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and found.st_nlink == 1:
                        os.utime(file)
                        return
                finally:
                    os.close(file)
            with suppress(OSError):
                os.unlink(".alive", dir_fd=self._root)

    def waiting(self) -> tuple[list[str], int]:
        """Ids of the oldest requests, at most BATCH, and how many entries were ignored as foreign or old."""
        ignored = 0
        found: list[tuple[int, str]] = []
        oldest = time.time() - KEPT_S
        with os.scandir(self._open["requests"]) as entries:
            for entry in entries:
                identity = request_id(entry.name)
                try:
                    info = entry.stat(follow_symlinks=False) if identity else None
                except FileNotFoundError:
                    continue
                if identity is None or info is None or not stat.S_ISREG(info.st_mode) or info.st_mtime < oldest:
                    ignored += 1
                    continue
                found.append((info.st_mtime_ns, identity))
                if len(found) > 16 * BATCH:
                    found = heapq.nsmallest(BATCH, found)
        return [identity for _, identity in heapq.nsmallest(BATCH, found)], ignored

    def read(self, identity: str) -> Request | None:
        """The request, or None when it is gone or is no plain file of one name; at most one byte past the limit."""
        try:
            file = os.open(f"{identity}.json", _LOOK, dir_fd=self._open["requests"])
        except PermissionError:
            return Request(None, self._age(identity))
        except OSError:
            return None
        try:
            info = os.fstat(file)
            if not stat.S_ISREG(info.st_mode) or info.st_nlink != 1:
                return None
            return Request(os.pread(file, INPUT_LIMIT + 1, 0), time.time() - info.st_mtime)
        finally:
            os.close(file)

    def _age(self, identity: str) -> float:
        try:
            info = os.stat(f"{identity}.json", dir_fd=self._open["requests"], follow_symlinks=False)
        except OSError:
            return 0.0
        return time.time() - info.st_mtime

    def is_done(self, identity: str) -> bool:
        """Whether this id was answered within the last hour."""
        return self._has(f"{identity}.done")

    def begin(self, identity: str) -> int:
        """Count one more try of this request, and return the count: one byte per try, so a kill can't half-write it."""
        file = os.open(f"{identity}.try", _MAKE | os.O_APPEND, 0o600, dir_fd=self._open[".work"])
        try:
            os.write(file, b".")
            return os.fstat(file).st_size
        finally:
            os.close(file)

    def forget(self, identity: str) -> None:
        """Take back the tries of a request that failed for a reason of ours, such as a full disk."""
        with suppress(OSError):
            os.unlink(f"{identity}.try", dir_fd=self._open[".work"])

    def finish(self, identity: str, line: bytes) -> None:
        """Answer this request, once.

        Raises:
            OSError: the disk is full or the result's name is blocked; ``recover`` ends what was begun.
        """
        work = self._open[".work"]
        with suppress(FileNotFoundError):
            os.unlink(f"{identity}.tmp", dir_fd=work)
        file = os.open(f"{identity}.tmp", _MAKE | os.O_EXCL, RESULT_MODE, dir_fd=work)
        try:
            os.fchmod(file, RESULT_MODE)
            view = memoryview(line)
            while view:
                view = view[os.write(file, view) :]
            os.fsync(file)
        finally:
            os.close(file)
        os.rename(f"{identity}.tmp", f"{identity}.out", src_dir_fd=work, dst_dir_fd=work)
        self._publish(identity)

    def drop(self, identity: str) -> None:
        """Remove a request; a folder or a file that may not be removed stays."""
        with suppress(OSError):
            os.unlink(f"{identity}.json", dir_fd=self._open["requests"])

    def recover(self) -> int:
        """Publish every answer that was held when the worker ended, and return how many."""
        with os.scandir(self._open[".work"]) as entries:
            held = [entry.name.removesuffix(".out") for entry in entries if entry.name.endswith(".out")]
        published = 0
        for identity in held:
            with suppress(OSError):
                self._publish(identity)
                published += 1
        return published

    def expire(self) -> int:
        """Remove results, tombstones and leftovers that are older than an hour and ours, and return how many."""
        return sum(self._expire(name) for name in ("results", ".work"))

    def _publish(self, identity: str) -> None:
        work = self._open[".work"]
        with suppress(FileNotFoundError):
            os.rename(f"{identity}.try", f"{identity}.done", src_dir_fd=work, dst_dir_fd=work)
        self.drop(identity)
        # A rename replaces a planted link or file itself and never what it points to.
        os.rename(f"{identity}.out", f"{identity}.json", src_dir_fd=work, dst_dir_fd=self._open["results"])
        os.fsync(self._open["results"])

    def _has(self, name: str) -> bool:
        try:
            os.stat(name, dir_fd=self._open[".work"], follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def _expire(self, folder: str) -> int:
        removed = 0
        oldest = time.time() - KEPT_S
        with os.scandir(self._open[folder]) as entries:
            for entry in entries:
                with suppress(OSError):
                    info = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(info.st_mode) and info.st_uid == os.geteuid() and info.st_mtime < oldest:
                        os.unlink(entry.name, dir_fd=self._open[folder])
                        removed += 1
        return removed
