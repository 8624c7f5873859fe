"""The name server of a world: containers on its machines find by it what machines find in their `/etc/hosts`.

One answer a question, of type A, over UDP (RFC 1035, section 4); names of a zone that has a name server of its own are
asked there. Any other name does not exist, as nothing beyond the world does.
"""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = struct.Struct("!6H")
_RESPONSE, _DOES_NOT_EXIST = 0x8580, 0x8583
"""Flags: an answer with authority, to a question that asked for recursion; with the code NXDOMAIN."""
_A, _SECONDS = 1, 60
PORT = 53
_LONGEST, _PATIENCE = 4096, 3.0


class Resolver:
    """The server, in a thread of its own.

    Args:
        address: Where it listens.
        hosts: Names to IPv4 addresses.
        port: 0 takes a free one.
        zones: Names of zones to address and port of the server that is asked for them.
    """

    def __init__(
        self,
        address: str,
        hosts: Mapping[str, str],
        port: int = PORT,
        zones: Mapping[str, tuple[str, int]] = MappingProxyType({}),
    ) -> None:
        self._server = socketserver.ThreadingUDPServer((address, port), _handler(dict(hosts), dict(zones)))

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def start(self) -> Resolver:
        """Answers from now on."""
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True, name="resolver").start()
        return self

    def close(self) -> None:
        """Answers no more."""
        self._server.shutdown()
        self._server.server_close()


def _asked(query: bytes) -> tuple[str, int]:
    """The name that is asked for, and where the question ends; 0 for what is no query for one name."""
    if len(query) < _HEADER.size or _HEADER.unpack_from(query)[2] != 1:
        return "", 0
    labels, place = [], _HEADER.size
    while place < len(query) and (length := query[place]):
        labels.append(query[place + 1 : place + 1 + length].decode("ascii", errors="replace"))
        place += 1 + length
    return ".".join(labels).lower(), place + 5 if len(query) >= place + 5 else 0


def answer(query: bytes, hosts: Mapping[str, str]) -> bytes:
    """The answer to a query; nothing to what is no query for one name."""
    name, end = _asked(query)
    if not end:
        return b""
    asked = int.from_bytes(query[end - 4 : end - 2], "big")
    address = hosts.get(name)
    record = b""
    if address and asked == _A:
        # Its name is the one that was asked for, at offset 12.
        record = struct.pack("!3HIH4s", 0xC00C, _A, 1, _SECONDS, 4, socket.inet_aton(address))
    flags = _RESPONSE if address else _DOES_NOT_EXIST
    identity = int.from_bytes(query[:2], "big")
    return _HEADER.pack(identity, flags, 1, int(bool(record)), 0, 0) + query[_HEADER.size : end] + record


def _forwarded(query: bytes, zones: Mapping[str, tuple[str, int]]) -> bytes:
    """What the name server of the name's zone answers; nothing where there is none, or where it is silent."""
    name, _ = _asked(query)
    at = next((at for zone, at in zones.items() if f".{name}".endswith(f".{zone}")), None)
    if at is None:
        return b""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.settimeout(_PATIENCE)
        line.connect(at)
        line.send(query)
        with contextlib.suppress(OSError):
            return line.recv(_LONGEST)
    return b""


def _handler(hosts: Mapping[str, str], zones: Mapping[str, tuple[str, int]]) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            """One datagram."""
            query, server = self.request
            if said := _forwarded(query, zones) or answer(query, hosts):
                server.sendto(said, self.client_address)

    return Handler
