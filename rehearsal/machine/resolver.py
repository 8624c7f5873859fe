"""The name server of a world: containers on its machines find by it what machines find in their `/etc/hosts`.

One answer a question, of type A, over UDP (RFC 1035, section 4); any other name does not exist, as nothing beyond the
world does.
"""

from __future__ import annotations

import socket
import socketserver
import struct
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = struct.Struct("!6H")
_RESPONSE, _DOES_NOT_EXIST = 0x8580, 0x8583
"""Flags: an answer with authority, to a question that asked for recursion; with the code NXDOMAIN."""
_A, _SECONDS = 1, 60
PORT = 53


class Resolver:
    """The server, in a thread of its own.

    Args:
        address: Where it listens.
        hosts: Names to IPv4 addresses.
        port: 0 takes a free one.
    """

    def __init__(self, address: str, hosts: Mapping[str, str], port: int = PORT) -> None:
        self._server = socketserver.UDPServer((address, port), _handler(dict(hosts)))

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


def answer(query: bytes, hosts: Mapping[str, str]) -> bytes:
    """The answer to a query; nothing to what is no query for one name."""
    if len(query) < _HEADER.size or _HEADER.unpack_from(query)[2] != 1:
        return b""
    labels, place = [], _HEADER.size
    while place < len(query) and (length := query[place]):
        labels.append(query[place + 1 : place + 1 + length].decode("ascii", errors="replace"))
        place += 1 + length
    end = place + 5
    if len(query) < end:
        return b""
    asked = int.from_bytes(query[place + 1 : place + 3], "big")
    address = hosts.get(".".join(labels).lower())
    record = b""
    if address and asked == _A:
        # Its name is the one that was asked for, at offset 12.
        record = struct.pack("!3HIH4s", 0xC00C, _A, 1, _SECONDS, 4, socket.inet_aton(address))
    flags = _RESPONSE if address else _DOES_NOT_EXIST
    identity = int.from_bytes(query[:2], "big")
    return _HEADER.pack(identity, flags, 1, int(bool(record)), 0, 0) + query[_HEADER.size : end] + record


def _handler(hosts: Mapping[str, str]) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            """One datagram."""
            query, server = self.request
            if said := answer(query, hosts):
                server.sendto(said, self.client_address)

    return Handler
