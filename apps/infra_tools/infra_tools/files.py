"""A file with secrets, replaced as a whole or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

_SECRET: int = 0o600


def read(path: Path) -> bytes | None:
    """A file's content; None where there is none."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def replace(path: Path, content: bytes, before: bytes | None) -> None:
    """Puts a content in the place of another: readable by its owner alone, on disk when this returns.

    Whoever kills the program leaves the old file or the new one. A symbolic link stays one: what it leads to is
    replaced. The owner stays too, as far as this user may give files away.

    Args:
        path: The file.
        content: What it shall hold.
        before: What it held when it was read, None where there was none.

    Raises:
        OSError: It cannot be written; `FileExistsError` where somebody changed it since it was read.
    """
    target = Path(os.path.realpath(path))
    folder = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        # One writer at a time, so that the name of the new file can be the same always, and none is left behind.
        fcntl.flock(folder, fcntl.LOCK_EX)
        if read(target) != before:
            raise FileExistsError(f"{path} was changed meanwhile")
        draft = target.with_name(f".{target.name}.new")
        draft.unlink(missing_ok=True)
        try:
            _write(draft, content, target)
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise
        os.fsync(folder)
    finally:
        os.close(folder)


def _write(draft: Path, content: bytes, like: Path) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(draft, flags, _SECRET), "wb") as file:
        os.fchmod(file.fileno(), _SECRET)  # whatever the umask took away
        with contextlib.suppress(FileNotFoundError, PermissionError):
            owner = like.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
