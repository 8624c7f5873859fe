"""Searches files for secrets, where the files are.

Told: `secrets` (name to value), `paths`, `exclude` (glob patterns of paths), `since` (only files that were changed
after this time, in seconds since 1970: nobody can write a secret into a file without moving its ctime). Says a line for
each file that has one: `{"path", "mode", "owner", "found"}`, and at last `{"files", "bytes", "unread", "seconds"}`.
Never says a secret.
"""

from __future__ import annotations

import fnmatch
import grp
import os
import pwd
import stat
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rehearsal.probes.inside.needles import Needle, NotReadError, needles, search
from rehearsal.probes.inside.talk import say, told

if TYPE_CHECKING:
    from collections.abc import Iterator

_WHOLE = 64 << 20
_BLOCK = 16 << 20
_OVERLAP = 1 << 20
_NEVER = ("/proc", "/sys", "/dev")
_NO_DISKS = frozenset(
    {"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue", "debugfs", "tracefs", "securityfs", "bpf"}
)


class Walk:
    """All regular files below some paths, and what they hold."""

    def __init__(self, wanted: list[Needle], exclude: list[str], since: float = 0) -> None:
        self.wanted, self.exclude, self.since = wanted, exclude, since
        self.files = self.bytes = 0
        self.unread: list[str] = []
        self._never = {*_NEVER, *_kernel_mounts()}

    def below(self, top: str) -> Iterator[dict[str, Any]]:
        """Every file with a secret in it, in its name, or in the text of a link. Links are not followed."""
        if not os.path.lexists(top):
            return
        if not Path(top).is_dir() or Path(top).is_symlink():
            yield from self._one(top)
            return
        for folder, folders, names in os.walk(top, onerror=lambda error: self.unread.append(str(error))):
            paths = {name: os.path.join(folder, name) for name in (*names, *folders)}  # noqa: PTH118
            links = [name for name in folders if os.path.islink(paths[name])]  # noqa: PTH114
            folders[:] = sorted(name for name in folders if not self._left_out(paths[name]))
            for name in sorted(names) + links:
                if not self._left_out(paths[name]):
                    yield from self._one(paths[name])

    def _left_out(self, path: str) -> bool:
        return path in self._never or any(fnmatch.fnmatch(path, pattern) for pattern in self.exclude)

    def _one(self, path: str) -> Iterator[dict[str, Any]]:
        try:
            about = os.lstat(path)
            if about.st_ctime < self.since:
                return
            hits = search(self.wanted, os.fsencode(path))
            if stat.S_ISLNK(about.st_mode):
                hits |= search(self.wanted, os.fsencode(Path(path).readlink()))
            elif stat.S_ISREG(about.st_mode):
                self.files += 1
                hits |= self._content(path)
        except FileNotFoundError:
            return
        except (OSError, NotReadError) as error:
            self.unread.append(f"{path}: {error}")
            return
        if hits:
            owner = f"{_name(pwd.getpwuid, about.st_uid)}:{_name(grp.getgrgid, about.st_gid)}"
            yield {"path": path, "mode": f"{stat.S_IMODE(about.st_mode):04o}", "owner": owner, "found": sorted(hits)}

    def _content(self, path: str) -> set[tuple[str, str]]:
        hits: set[tuple[str, str]] = set()
        with Path(path).open("rb") as file:
            data = file.read(_WHOLE)
            self.bytes += len(data)
            hits |= search(self.wanted, data)
            while block := file.read(_BLOCK):
                self.bytes += len(block)
                data = data[-_OVERLAP:] + block
                hits |= search(self.wanted, data, 0)
        return hits


def _kernel_mounts() -> set[str]:
    """Where the kernel shows itself as files, which nobody can keep anything in."""
    with suppress(OSError):
        lines = [
            line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
        ]
        return {place for _, place, kind, *_ in lines if kind in _NO_DISKS}
    return set()


def _name(look_up: Any, number: int) -> str:
    with suppress(KeyError):
        return str(look_up(number)[0])
    return str(number)


def main() -> None:
    """Searches and tells."""
    about = told()
    began = time.monotonic()
    walk = Walk(needles(about["secrets"]), about.get("exclude", []), about.get("since", 0))
    for top in about["paths"]:
        for hit in walk.below(top):
            say(hit)
    end = {"files": walk.files, "bytes": walk.bytes, "unread": walk.unread}
    say({**end, "seconds": round(time.monotonic() - began, 2)})


if __name__ == "__main__":
    main()
