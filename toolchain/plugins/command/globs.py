"""Files named by globs after a command, as assets or as one archive (github.com/gobwas/glob with `/` as separator)."""

from __future__ import annotations

import hashlib
import os
import re
import tarfile
from pathlib import Path
from typing import Final

from toolchain.plugins.base import Archive, Asset, ProviderError

_SIMPLE: Final = {"*": "[^/]*", "?": "[^/]"}


def assets(folder: str, patterns: list[str]) -> dict[str, Asset]:
    """Path relative to `folder` to asset; a pattern that starts with `!` takes away again, in the order given."""
    compiled = [
        (pattern.startswith("!"), re.compile(expression(pattern.removeprefix("!")), re.DOTALL)) for pattern in patterns
    ]
    chosen: dict[str, Asset] = {}
    for path in _files(Path(folder)):
        for exclude, matcher in compiled:
            if matcher.fullmatch(path) is None:
                continue
            if exclude:
                chosen.pop(path, None)
            else:
                # Go's path.Join: folder and path, cleaned.
                full = os.path.normpath(f"{folder}/{path}")
                chosen[path] = Asset(path=full, hash=_sha256(Path(full)))
    return chosen


def archive(folder: str, patterns: list[str]) -> Archive:
    """The same files as an archive."""
    members = assets(folder, patterns)
    return Archive(assets=dict(members), hash=_archive_hash(members))


def _files(folder: Path) -> list[str]:
    paths = []
    for root, folders, names in os.walk(folder):
        folders.sort()
        paths += [(Path(root) / name).relative_to(folder).as_posix() for name in names]
    return sorted(paths, key=lambda path: path.split("/"))


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _archive_hash(members: dict[str, Asset]) -> str:
    """SHA-256 of the tar that Pulumi's SDK for Go would write: sorted names, mode 0600, no times, no owners."""
    digest = hashlib.sha256()
    for name in sorted(members):
        data = Path(members[name].path or "").read_bytes()
        digest.update(_header(name, len(data)) + data + bytes(-len(data) % tarfile.BLOCKSIZE))
    digest.update(bytes(2 * tarfile.BLOCKSIZE))
    return digest.hexdigest()


def _header(name: str, size: int) -> bytes:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.size = 0o600, size
    header = bytearray(entry.tobuf(tarfile.USTAR_FORMAT))
    # Go writes the device numbers of plain files as zeros, Python leaves them empty; the checksum counts them.
    header[329:337] = header[337:345] = b"0000000\0"
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header)


def expression(pattern: str) -> str:
    """Regular expression for a glob."""
    regex, index, depth = "", 0, 0
    while index < len(pattern):
        char = pattern[index]
        if pattern.startswith("**", index):
            regex, index = regex + ".*", index + 1
        elif char == "[":
            regex, index = _bracket(pattern, index, regex)
        elif char == "{":
            regex, depth = regex + "(?:", depth + 1
        elif char == "}" and depth:
            regex, depth = regex + ")", depth - 1
        elif char == "," and depth:
            regex += "|"
        elif char == "\\" and index + 1 < len(pattern):
            index += 1
            regex += re.escape(pattern[index])
        else:
            regex += _SIMPLE.get(char, re.escape(char))
        index += 1
    return regex


def _bracket(pattern: str, index: int, regex: str) -> tuple[str, int]:
    end = pattern.find("]", index + 1)
    if end < 0:
        raise ProviderError(f"unexpected end of input in the glob {pattern!r}: '[' is never closed")
    inside = pattern[index + 1 : end]
    negated = inside.startswith("!")
    body = inside.removeprefix("!").replace("\\", "\\\\").replace("^", "\\^")
    return f"{regex}[{'^' if negated else ''}{body}]", end
