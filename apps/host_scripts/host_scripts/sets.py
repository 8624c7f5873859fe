"""Backup sets: a folder of files with their checksums, which is there whole or not at all.

A set is numbered, so that sets stay in order when a clock is put back. It is written under another name and renamed
once all of it is on disk; only then do older ones go. What is in it can be checked, and read, without this program:
`sha256sum -c SHA256SUMS`, `zcat`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
import zlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from host_scripts.common import BackupError, made, stream, tail, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

SUMS: Final = "SHA256SUMS"
MANIFEST: Final = "manifest.json"
_SET: Final = re.compile(r"([0-9]{6,})-[0-9]{8}T[0-9]{6}Z")
_DRAFT: Final = ".unfinished"
_LINE: Final = re.compile(rb"([0-9a-f]{64})  ([A-Za-z0-9%_.-]+)")
_BLOCK: Final = 1 << 20
_GZIP: Final = 31
"""zlib's word for gzip's format with its largest window (zlib.h, deflateInit2)."""
_LINE_END: Final = re.compile(rb"\n")
_LINES: Final = 1024
"""About so many lines are compressed together."""


class SupportsRead(Protocol):
    """What bytes can be read of."""

    def read(self, size: int, /) -> bytes:
        """At most so many of them; none at the end."""


class _Packer:
    """Compresses as gzip does, and begins anew after some lines, which their own content chooses.

    So what changes in a dump changes its own part of the file alone, and a copy elsewhere that knows the rest takes
    little: that is what `gzip --rsyncable` is for.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._zip = file, zlib.compressobj(6, zlib.DEFLATED, _GZIP)

    def write(self, block: bytes) -> None:
        begin = last = 0
        for match in _LINE_END.finditer(block):
            if zlib.crc32(block[last : match.end()]) % _LINES == 0:
                self._file.write(self._zip.compress(block[begin : match.end()]) + self._zip.flush(zlib.Z_FULL_FLUSH))
                begin = match.end()
            last = match.end()
        self._file.write(self._zip.compress(block[begin:]))

    def end(self) -> None:
        self._file.write(self._zip.flush())


class Draft:
    """A set that is being written.

    Attributes:
        folder: Where its files go.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def stream(self, name: str, argv: list[str], ending: bytes = b"") -> int:
        """Compresses what a program prints into a file of the set.

        Args:
            name: The file's.
            argv: The program.
            ending: What its last lines say where it has said all.

        Returns:
            Bytes before compression.

        Raises:
            BackupError: The program failed, or said nothing, or not all.
        """
        with stream(argv) as program:
            size, last = self.read(name, program.output)
            code, errors = program.ended()
        if code or not size or ending not in last:
            what = f"{' '.join(argv[:3])}: {tail(errors) if code else f'ended after {size} bytes, which is not all'}"
            raise BackupError(what, f"docker logs --tail 50 {argv[2]}")
        return size

    def read(self, name: str, source: SupportsRead) -> tuple[int, bytes]:
        """Compresses all that can be read of something into a file of the set.

        Args:
            name: The file's.
            source: What is read.

        Returns:
            Bytes before compression, and the last of them.
        """
        size, last = 0, b""
        with open(self.folder / name, "xb", opener=_private) as file:
            packer = _Packer(file)
            while block := source.read(_BLOCK):
                packer.write(block)
                size += len(block)
                last = (last + block)[-400:]
            packer.end()
            _on_disk(file)
        return size, last

    def finish(self, manifest: dict[str, Any]) -> None:
        """Writes the manifest and the checksums."""
        write(self.folder / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
        lines = [f"{digest(path)}  {path.name}\n" for path in sorted(self.folder.iterdir())]
        write(self.folder / SUMS, "".join(lines).encode())


@contextlib.contextmanager
def new(folder: Path, keep: int) -> Iterator[Draft]:
    """A set to be written; it counts, and old ones go, if the block ends well.

    Args:
        folder: The sets of one kind.
        keep: How many of them are kept.
    """
    made(folder)
    for path in folder.glob(f"*{_DRAFT}"):
        shutil.rmtree(path)
    there = all_in(folder)
    number = int(there[-1].name.split("-")[0]) + 1 if there else 1
    name = f"{number:06d}-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    draft = folder / f"{name}{_DRAFT}"
    draft.mkdir(mode=0o700)
    try:
        yield Draft(draft)
        _folder_on_disk(draft)
        draft.rename(folder / name)
        _folder_on_disk(folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    for path in all_in(folder)[:-keep]:
        # Under a name that does not count, so that a run killed here leaves no half of a set.
        shutil.rmtree(path.rename(path.with_name(f"{path.name}{_DRAFT}")))


def all_in(folder: Path) -> list[Path]:
    """The sets of a kind, oldest first."""
    names = [path for path in folder.iterdir() if is_name(path.name)] if folder.exists() else []
    return sorted(names, key=lambda path: int(path.name.split("-")[0]))


def is_name(name: str) -> bool:
    """Whether a set may be called so."""
    return bool(_SET.fullmatch(name))


def chosen(folder: Path, name: str) -> Path:
    """A set by its name, or the newest.

    Raises:
        BackupError: There is none.
    """
    there = [path for path in all_in(folder) if name in {"", path.name}]
    if not there:
        raise BackupError(f"{folder}: there is no set {name}".rstrip(), f"ls {folder}")
    return there[-1]


def checked(folder: Path) -> dict[str, Any]:
    """Reads the whole of a set; its manifest.

    Raises:
        BackupError: A file is missing, is another than when it was written, or is one too many.
    """
    fix = f"take another set: ls {folder.parent}"
    try:
        lines = (folder / SUMS).read_bytes()
    except OSError as error:
        raise BackupError(f"{folder / SUMS}: {error.strerror}", fix) from error
    rows = [_LINE.fullmatch(line) for line in lines.removesuffix(b"\n").split(b"\n")]
    sums = {row[2].decode(): row[1].decode() for row in rows if row}
    if len(sums) != len(rows) or not lines.endswith(b"\n"):
        raise BackupError(f"{folder / SUMS} is damaged", fix)
    there = {path.name for path in folder.iterdir()} - {SUMS}
    if there != set(sums):
        raise BackupError(f"{folder}: {', '.join(sorted(there ^ set(sums)))} is missing or one too many", fix)
    for name, wanted in sums.items():
        if digest(folder / name) != wanted:
            raise BackupError(f"{folder / name} is damaged: its checksum is another", fix)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    return manifest if isinstance(manifest, dict) else {}


def digest(path: Path) -> str:
    """A file's SHA-256."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def age_hours(folder: Path) -> float:
    """How long ago a set was finished."""
    return round((time.time() - (folder / SUMS).stat().st_mtime) / 3600, 1)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _on_disk(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def _folder_on_disk(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
