"""The exchange folder and its three parts, opened once, so that no name in it is ever resolved through a link."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PARTS = {"requests": 0o2770, "results": 0o2770, ".work": 0o2700}
"""Part to mode. The set-group-id bit hands the exchange's group on to every new file; ``.work`` is the worker's alone."""


class SpoolError(Exception):
    """The exchange folder is not what the worker needs; the message says where, what, and what mends it."""


class Folders:
    """Open file descriptors of the exchange folder (``root``) and its ``parts``, by name."""

    def __init__(self, root: Path) -> None:
        """Open the folder, and make its parts where they are missing.

        Raises:
            SpoolError: it is missing, not writable, or a part is no folder or (``.work``) not ours alone.
        """
        self._where = root
        try:
            self.root = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self.parts = {name: self._part(name, mode) for name, mode in PARTS.items()}
        except OSError as error:
            raise self._unfit(f"{error.filename or root}: {error.strerror}") from None
        private = os.fstat(self.parts[".work"])
        if private.st_uid != os.geteuid() or private.st_mode & 0o077:
            raise self._unfit(f"{root}/.work belongs to somebody else or is open to others")
        for name in ("requests", "results"):
            if not os.access(".", os.W_OK | os.X_OK, dir_fd=self.parts[name]):
                raise self._unfit(f"{root}/{name} is not writable")

    def check(self) -> None:
        """Check that the opened folders are the ones a writer finds under their names.

        Raises:
            SpoolError: one was replaced; a worker that kept looking at the old one would be healthy and deaf.
        """
        for name, part in self.parts.items():
            opened = os.fstat(part)
            try:
                found = os.stat(name, dir_fd=self.root, follow_symlinks=False)
            except OSError:
                found = None
            if found is None or (found.st_dev, found.st_ino) != (opened.st_dev, opened.st_ino):
                raise self._unfit(f"{self._where}/{name} was replaced while the worker ran")

    def _part(self, name: str, mode: int) -> int:
        made = True
        try:
            os.mkdir(name, mode, dir_fd=self.root)
        except FileExistsError:
            made = False
        part = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.root)
        if made:
            os.fchmod(part, mode)
        return part

    def _unfit(self, what: str) -> SpoolError:
        return SpoolError(
            f"{what}; mend: chown root:GROUP {self._where} && chmod 2770 {self._where}, remove what stands in the way, "
            "and give this user GROUP as an additional group"
        )
