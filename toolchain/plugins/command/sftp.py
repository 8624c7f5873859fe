"""As much of SFTP (version 3, draft-ietf-secsh-filexfer-02) as the copies need, over a session of a connection."""

from __future__ import annotations

import stat
import struct
import subprocess
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final

from toolchain.plugins.base import ProviderError
from toolchain.plugins.command.process import go_quote, kill
from toolchain.plugins.context import current

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolchain.plugins.command.ssh import Deadline, Link

_INIT, _OPEN, _CLOSE, _WRITE, _STAT, _MKDIR = 1, 3, 4, 6, 17, 14
_STATUS, _HANDLE, _ATTRS = 101, 102, 105
_READ_WRITE_CREATE_TRUNCATE: Final = 0x1 | 0x2 | 0x8 | 0x10
_OK, _NO_SUCH_FILE, _PERMISSION_DENIED = 0, 2, 3
_CODES: Final = {
    1: "EOF",
    4: "FAILURE",
    5: "BAD_MESSAGE",
    6: "NO_CONNECTION",
    7: "CONNECTION_LOST",
    8: "OP_UNSUPPORTED",
}
_HAS_SIZE, _HAS_OWNER, _HAS_MODE = 1, 2, 4
_CHUNK: Final = 32 * 1024
_WINDOW: Final = 64


class StatusError(ProviderError):
    """An answer other than success, worded as github.com/pkg/sftp does.

    Args:
        code: SFTP status code.
        message: The server's own words.
    """

    def __init__(self, code: int, message: str) -> None:
        words = {_NO_SUCH_FILE: "file does not exist", _PERMISSION_DENIED: "permission denied"}
        super().__init__(words.get(code, f"sftp: {go_quote(message)} (SSH_FX_{_CODES.get(code, 'FAILURE')})"))
        self.missing = code == _NO_SUCH_FILE


class Sftp:
    """A client on the two ends of a session.

    Args:
        sink: Where requests go.
        source: Where answers come from.
        deadline: When to give up.
    """

    def __init__(self, sink: IO[bytes], source: IO[bytes], deadline: Deadline) -> None:
        self._sink, self._source, self._deadline, self._number = sink, source, deadline, 0
        self._send(struct.pack(">BI", _INIT, 3))
        self._packet()

    def _send(self, body: bytes) -> None:
        self._deadline.check()
        try:
            self._sink.write(struct.pack(">I", len(body)) + body)
            self._sink.flush()
        except BrokenPipeError as gone:
            raise ProviderError("connection lost") from gone

    def _packet(self) -> bytes:
        size = self._exactly(4)
        return self._exactly(struct.unpack(">I", size)[0])

    def _exactly(self, size: int) -> bytes:
        data = self._source.read(size)
        if len(data) < size:
            raise ProviderError("EOF")
        return data

    def _request(self, kind: int, body: bytes) -> None:
        self._number += 1
        self._send(struct.pack(">BI", kind, self._number) + body)

    def _answer(self, expected: int) -> bytes:
        packet = self._packet()
        kind, body = packet[0], packet[5:]
        if kind == _STATUS:
            (code,) = struct.unpack(">I", body[:4])
            if code != _OK:
                raise StatusError(code, _text(body[4:])[0])
        elif kind != expected:
            raise ProviderError(f"sftp: unexpected packet: want {expected}, got {kind}")
        return body

    def is_folder(self, path: str) -> bool | None:
        """Whether there is a folder at `path`; None when there is nothing."""
        self._request(_STAT, _string(path))
        try:
            body = self._answer(_ATTRS)
        except StatusError as error:
            if error.missing:
                return None
            raise ProviderError(f"failed to stat remote path {path}: {error}") from error
        (flags,) = struct.unpack(">I", body[:4])
        offset = 4 + 8 * bool(flags & _HAS_SIZE) + 8 * bool(flags & _HAS_OWNER)
        mode = struct.unpack(">I", body[offset : offset + 4])[0] if flags & _HAS_MODE else 0
        return stat.S_ISDIR(mode)

    def make_folder(self, path: str) -> None:
        """Makes one folder."""
        self._request(_MKDIR, _string(path) + struct.pack(">I", 0))
        self._answer(_STATUS)

    def write(self, path: str, data: IO[bytes]) -> None:
        """Writes a file, in place and with the server's own modes, as the official plugin does."""
        self._request(_OPEN, _string(path) + struct.pack(">II", _READ_WRITE_CREATE_TRUNCATE, 0))
        (size,) = struct.unpack(">I", (body := self._answer(_HANDLE))[:4])
        handle = struct.pack(">I", size) + body[4 : 4 + size]
        offset, waiting = 0, 0
        while chunk := data.read(_CHUNK):
            self._request(_WRITE, handle + struct.pack(">QI", offset, len(chunk)) + chunk)
            offset, waiting = offset + len(chunk), waiting + 1
            if waiting == _WINDOW:
                self._answer(_STATUS)
                waiting -= 1
        for _ in range(waiting):
            self._answer(_STATUS)
        self._request(_CLOSE, handle)
        self._answer(_STATUS)


def _string(text: str) -> bytes:
    data = text.encode()
    return struct.pack(">I", len(data)) + data


def _text(body: bytes) -> tuple[str, bytes]:
    (size,) = struct.unpack(">I", body[:4]) if len(body) >= 4 else (0,)  # noqa: PLR2004  (its own length field)
    return body[4 : 4 + size].decode(errors="replace"), body[4 + size :]


@contextmanager
def session(link: Link, deadline: Deadline) -> Iterator[Sftp]:
    """An SFTP session, ended at the end."""
    process = subprocess.Popen(
        link.session("-s", "--", "host", "sftp"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if process.stdin is None or process.stdout is None:
        raise ProviderError("the SFTP session has no pipes")
    current().check_cancelled()
    try:
        yield Sftp(process.stdin, process.stdout, deadline)
    finally:
        kill(process)
        process.wait()
        process.stdin.close()
        process.stdout.close()
