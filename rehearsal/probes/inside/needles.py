"""What a secret looks like when it has leaked.

In other encodings, cut in pieces, turned round, inside compressed members.

Encodings that may differ in any single character (JSON's and URLs' escapes, UTF-16, line breaks) are undone in the
searched text; the others (base64 at its three alignments, base64url, hex, reversed) are made of the secret. Searched is
for its first and its last piece, so that a cut or masked secret is found as well.
"""

from __future__ import annotations

import base64
import bz2
import gzip
import io
import lzma
import os
import re
import shutil
import subprocess
import zipfile
import zlib
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, cast
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

SHORTEST = 8
"""A secret of fewer bytes turns up by chance."""
_PIECE = 16
_DEEP = 3
_TOO_MUCH = 256 << 20
_LARGE = 1 << 18
_AT_ONCE = 1000
"""So many needles of some twenty bytes fit into a pipe that nobody reads from yet."""
_ESCAPE = re.compile(rb"\\(?:u00([0-9a-fA-F]{2})|x([0-9a-fA-F]{2})|([\"\\/bfnrt]))")
_LETTERS = {b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t"}
_BLANKS = re.compile(rb"\s+")
_PACKED = re.compile(rb"(?:H4sI|UEsDB|QlpoOT|/Td6WF|_Td6WF)[A-Za-z0-9+/_-]{16,}={0,2}")
_HEADS = {b"\x1f\x8b\x08": "gzip", b"PK\x03\x04": "zip", b"BZh": "bzip2", b"\xfd7zXZ": "xz"}


def _gunzip(file: IO[bytes]) -> IO[bytes]:
    return cast("IO[bytes]", gzip.GzipFile(fileobj=file))


class NotReadError(Exception):
    """Something could not be searched; silence about it would look like a clean result."""


@dataclass(frozen=True)
class Needle:
    """One text to search for.

    Attributes:
        secret: Name of the secret.
        how: Encoding.
        text: The bytes.
    """

    secret: str
    how: str
    text: bytes


def needles(secrets: Mapping[str, str]) -> list[Needle]:
    """All that has to be searched for.

    Raises:
        ValueError: a secret is too short to be told from chance.
    """
    by_text: dict[bytes, Needle] = {}
    for name, value in secrets.items():
        raw = value.encode()
        if len(raw) < SHORTEST:
            raise ValueError(f"{name} has {len(raw)} bytes, and fewer than {SHORTEST} turn up by chance")
        for piece in dict.fromkeys((raw[:_PIECE], raw[-_PIECE:])):
            for how, text in _forms(piece):
                by_text.setdefault(text, Needle(name, how, text))
    return list(by_text.values())


def _forms(piece: bytes) -> Iterator[tuple[str, bytes]]:
    yield "raw", piece
    yield "reversed", piece[::-1]
    if (folded := _BLANKS.sub(b"", piece)) != piece and len(folded) >= SHORTEST:
        yield "raw", folded
    yield "hex", piece.hex().encode()
    yield "hex", piece.hex().upper().encode()
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + piece)[-(-8 * shift // 6) : 8 * (shift + len(piece)) // 6]
        yield "base64", text
        yield "base64url", text.replace(b"+", b"-").replace(b"/", b"_")


def views(data: bytes) -> Iterator[tuple[str, bytes]]:
    """The text as it is, and with its escapes and blanks undone; each with what was done to it."""
    yield "", data
    plain = [data]
    if b"\0" in data:
        yield "utf-16", data.replace(b"\0", b"")
    for _ in range(_DEEP):
        if (text := _unescaped(plain[-1])) == plain[-1]:
            break
        plain.append(text)
        yield "json", text
    for text in dict.fromkeys((plain[0], plain[-1])):
        once = unquote_to_bytes(text) if b"%" in text else text
        if once != text:
            yield "url", once
            if b"%" in once:
                yield "url", unquote_to_bytes(once)
    for text in dict.fromkeys((plain[0], plain[-1])):
        if (folded := _BLANKS.sub(b"", text)) != text:
            yield "folded", folded


def _unescaped(text: bytes) -> bytes:
    def replacement(match: re.Match[bytes]) -> bytes:
        code = match[1] or match[2]
        return bytes.fromhex(code.decode()) if code else _LETTERS.get(match[3], match[3])

    return _ESCAPE.sub(replacement, text) if b"\\" in text else text


def search(sought: list[Needle], data: bytes, deep: int = _DEEP) -> set[tuple[str, str]]:
    """Names of the secrets in the data, each with how it is there: `base64 in gzip`, for one.

    Raises:
        NotReadError: a compressed member can't be read, or is larger than 256 MiB.
    """
    hits: set[tuple[str, str]] = set()
    for view, text in views(data):
        if len(text) > _LARGE and not _grep(sought, text):
            continue
        hits |= {
            (needle.secret, " in ".join(filter(None, (needle.how, view)))) for needle in sought if needle.text in text
        }
    for kind, member in _members(data) if deep else ():
        hits |= {(name, f"{how} in {kind}") for name, how in search(sought, member, deep - 1)}
    return hits


def _grep(sought: list[Needle], text: bytes) -> bool:
    """Whether a large text may hold one of the needles.

    grep looks for all of them at once, ten times as fast as we can.

    The needles go there through a pipe, not on its command line. True also where there is no grep to ask.
    """
    if not (program := shutil.which("grep")) or any(b"\n" in needle.text for needle in sought):
        return True
    patterns = [needle.text for needle in sought]
    for at in range(0, len(patterns), _AT_ONCE):
        reading, writing = os.pipe()
        os.write(writing, b"\n".join(patterns[at : at + _AT_ONCE]))
        os.close(writing)
        command = [program, "-aqF", "-f", f"/dev/fd/{reading}"]
        done = subprocess.run(
            command, input=text, pass_fds=[reading], env={"LC_ALL": "C"}, capture_output=True, check=False
        )
        os.close(reading)
        if done.returncode != 1:
            return True
    return False


def _members(data: bytes) -> Iterator[tuple[str, bytes]]:
    """What is compressed in the data: all of it, or a base64 text in it."""
    kind = next((name for head, name in _HEADS.items() if data.startswith(head)), "")
    if kind:
        yield from unpacked(kind, data)
        return
    if b"H4sI" not in data and b"UEsDB" not in data and b"QlpoOT" not in data and b"Td6WF" not in data:
        return
    for match in _PACKED.finditer(_BLANKS.sub(b"", _unescaped(_unescaped(data)))):
        text = match[0].rstrip(b"=").replace(b"-", b"+").replace(b"_", b"/")
        raw = base64.b64decode(text[: len(text) - (len(text) % 4 == 1)] + b"==")
        kind = next((name for head, name in _HEADS.items() if raw.startswith(head)), "")
        # What only looks like a packed member, in the midst of other base64, is none.
        try:
            members = list(unpacked(kind, raw)) if kind else []
        except NotReadError:
            continue
        yield from ((f"base64 {kind}", member) for _, member in members)


def unpacked(kind: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    """The members of compressed data.

    Raises:
        NotReadError: they are damaged, encrypted or too large.
    """
    try:
        if kind == "zip":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                for info in archive.infolist():
                    with archive.open(info) as member:
                        yield kind, info.filename.encode()
                        yield kind, _limited(member)
            return
        opened: dict[str, Callable[[IO[bytes]], IO[bytes]]] = {"gzip": _gunzip, "bzip2": bz2.open, "xz": lzma.open}
        with opened[kind](io.BytesIO(data)) as member:
            yield kind, _limited(member)
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error, lzma.LZMAError, zipfile.BadZipFile) as error:
        raise NotReadError(f"{kind}: {error}") from error


def _limited(member: IO[bytes]) -> bytes:
    data = member.read(_TOO_MUCH + 1)
    if len(data) > _TOO_MUCH:
        raise ValueError(f"more than {_TOO_MUCH >> 20} MiB in one member")
    return data
