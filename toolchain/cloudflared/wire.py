"""The wire between the edge and a connector: many requests over one connection that the connector opened.

Ours, not Cloudflare's (that is QUIC or HTTP/2 with Cap'n Proto): only the two ends in this folder speak it. A frame is
stream (4 bytes), kind (1 byte), length (4 bytes), then the payload. Standard library only, as the connector is packed
into an image without any other package.
"""

from __future__ import annotations

import json
import queue
import socket
import struct
import threading
from contextlib import suppress
from typing import Any, Final

HELLO, WELCOME, REFUSED, CONFIG, OPEN, HEAD, DATA, END, RESET, PING, PONG = range(1, 12)
PIECE: Final = 64 * 1024
_MOST: Final = 4 * 1024 * 1024
_HEADER: Final = struct.Struct("!IBI")
_DEPTH: Final = 256
_PATIENCE: Final = 30.0

Frame = tuple[int, bytes]


class ClosedError(Exception):
    """The connection is gone, or the stream was broken off by the other side."""


class Wire:
    """One connection, from either end. Sending is safe from many threads, receiving from one.

    Args:
        sock: The connected socket.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._lock = sock, threading.Lock()
        self._reader = sock.makefile("rb")
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, stream: int, kind: int, payload: bytes = b"") -> None:
        """Sends one frame; fails with `ClosedError`."""
        try:
            with self._lock:
                self._sock.sendall(_HEADER.pack(stream, kind, len(payload)) + payload)
        except OSError as gone:
            raise ClosedError(str(gone)) from gone

    def send_json(self, stream: int, kind: int, value: Any) -> None:
        """Sends one frame of JSON; fails with `ClosedError`."""
        self.send(stream, kind, json.dumps(value).encode())

    def receive(self, timeout: float | None) -> tuple[int, int, bytes]:
        """Stream, kind and payload of the next frame.

        Fails with `ClosedError`, also after `timeout` seconds of silence.
        """
        try:
            self._sock.settimeout(timeout)
            stream, kind, length = _HEADER.unpack(self._exactly(_HEADER.size))
            if length > _MOST:
                raise ClosedError("a frame that is too long")
            return stream, kind, self._exactly(length)
        except OSError as gone:
            raise ClosedError(str(gone)) from gone

    def _exactly(self, length: int) -> bytes:
        whole = self._reader.read(length) if length else b""
        if len(whole) != length:
            raise ClosedError("the other side hung up")
        return whole

    def hang_up(self) -> None:
        """Ends the connection, from any thread; the receiving thread wakes up, and closes."""
        with suppress(OSError):  # the other side was first
            self._sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Hangs up and gives the socket back: for the receiving thread alone, which may be reading."""
        self.hang_up()
        self._reader.close()
        self._sock.close()


class Stream:
    """One request on its way over a wire.

    Args:
        wire: The connection.
        number: Its number there.
    """

    def __init__(self, wire: Wire, number: int) -> None:
        self._wire, self.number = wire, number
        self._frames: queue.Queue[Frame] = queue.Queue(_DEPTH)

    def feed(self, kind: int, payload: bytes) -> None:
        """Takes a frame from the receiving thread; a reader that lags for long breaks its own stream, no other."""
        try:
            self._frames.put((kind, payload), timeout=_PATIENCE)
        except queue.Full:
            self.cut()

    def cut(self) -> None:
        """Wakes the reader up with an end that is none."""
        while True:
            try:
                self._frames.put_nowait((RESET, b""))
            except queue.Full:
                self._frames.get_nowait()
            else:
                return

    def next(self, timeout: float | None = None) -> Frame:
        """The next frame.

        Fails with `ClosedError` when the stream is broken off, `TimeoutError` after `timeout` seconds.
        """
        try:
            kind, payload = self._frames.get(timeout=timeout)
        except queue.Empty:
            raise TimeoutError("nothing came in time") from None
        if kind == RESET:
            raise ClosedError("the stream was broken off")
        return kind, payload

    def send(self, kind: int, payload: bytes = b"") -> None:
        """Sends one frame of this stream; fails with `ClosedError`."""
        self._wire.send(self.number, kind, payload)

    def send_json(self, kind: int, value: Any) -> None:
        """Sends one frame of JSON; fails with `ClosedError`."""
        self._wire.send_json(self.number, kind, value)
