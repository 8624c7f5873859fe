"""What stands before the proxy of a stack on this machine: callers that count, and connections that stay."""

from __future__ import annotations

import base64
import os
import socket
import ssl
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Self

from tests.support.scratch import docker


@dataclass(frozen=True)
class Door:
    """The proxy's HTTPS port here.

    Attributes:
        port: On the loopback address.
        root: Its own authority's certificate.
    """

    port: int
    root: str

    @classmethod
    def of(cls, proxy: str, port: int) -> Self:
        """By the certificate of the authority that the proxy's container is."""
        return cls(port, docker("exec", proxy, "cat", "/data/caddy/pki/authorities/local/root.crt"))

    def connect(self, host: str) -> ssl.SSLSocket:
        """A connection for one host name; the name itself is nobody's but the proxy's."""
        context = ssl.create_default_context(cadata=self.root)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=120)
        return context.wrap_socket(plain, server_hostname=host)

    def ask(self, host: str, path: str = "/", *headers: str) -> int:
        """The status of an answer; 0: there was none."""
        lines = [f"GET {path} HTTP/1.1", f"Host: {host}:{self.port}", "Connection: close", *headers, "", ""]
        try:
            with self.connect(host) as connection:
                connection.sendall("\r\n".join(lines).encode())
                return int(connection.makefile("rb").readline().split()[1])
        except (OSError, IndexError):
            return 0


class WebSocket:
    """A WebSocket through the proxy, for texts of at most 125 bytes."""

    def __init__(self, door: Door, host: str) -> None:
        self._connection = door.connect(host)
        key = base64.b64encode(os.urandom(16)).decode()
        upgrade = [
            "Connection: Upgrade",
            "Upgrade: websocket",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self._connection.sendall(
            "\r\n".join(["GET /socket HTTP/1.1", f"Host: {host}:{door.port}", *upgrade, "", ""]).encode()
        )
        self._file = self._connection.makefile("rb")
        status = self._file.readline()
        assert b" 101 " in status, status
        while self._file.readline().strip():
            pass

    def echo(self, text: str) -> str:
        """What comes back; empty once it is closed."""
        mask = os.urandom(4)
        masked = bytes(byte ^ mask[place % 4] for place, byte in enumerate(text.encode()))
        try:
            self._connection.sendall(bytes([0x81, 0x80 | len(masked)]) + mask + masked)
            kind, length = self._file.read(2)
        except (OSError, ValueError):
            return ""
        return self._file.read(length).decode() if kind == 0x81 else ""

    def close(self) -> None:
        """Ends it."""
        self._connection.close()


class Stream:
    """Server-sent events through the proxy."""

    def __init__(self, door: Door, host: str) -> None:
        self._connection = door.connect(host)
        self._connection.sendall(f"GET /events HTTP/1.1\r\nHost: {host}:{door.port}\r\n\r\n".encode())
        self._file = self._connection.makefile("rb")

    def tick(self) -> bool:
        """Whether another event comes."""
        try:
            while line := self._file.readline():
                if line.startswith(b"data:"):
                    return True
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Ends it."""
        self._connection.close()


@dataclass
class Load:
    """Fifty requests a second, each over a connection of its own.

    Attributes:
        seen: How often each status came; 0 for no answer at all.
    """

    door: Door
    host: str
    headers: tuple[str, ...] = ()
    seen: Counter[int] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._over = threading.Event()
        self._callers = [threading.Thread(target=self._call, args=(place,)) for place in range(10)]

    def _call(self, place: int) -> None:
        due = time.monotonic() + place / 50
        while not self._over.wait(max(0.0, due - time.monotonic())):
            self.seen[self.door.ask(self.host, "/", *self.headers)] += 1
            due += 0.2

    def __enter__(self) -> Self:
        for caller in self._callers:
            caller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for caller in self._callers:
            caller.join()
