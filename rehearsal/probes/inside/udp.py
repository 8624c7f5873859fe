"""Asks UDP ports, each with what a service there would answer if it were a usual one.

Told: `address`, `ports`, `tries`, `patience` (seconds after each). Silence is all that UDP can show of a filtered port,
of a service that ignores strangers (WireGuard), and of one that only dislikes the question: `silent` means no reply, no
more.
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from typing import TYPE_CHECKING, Any

from rehearsal.probes.inside.talk import ranges, say, told

if TYPE_CHECKING:
    from collections.abc import Callable

_DNS = bytes.fromhex("6d7a01000001000000000000076578616d706c6503636f6d0000010001")
_SNMP = bytes.fromhex("302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500")
_QUESTIONS = {
    53: _DNS,
    5353: _DNS,
    123: b"\x1b" + bytes(47),
    161: _SNMP,
    69: b"\x00\x01probe\x00octet\x00",
    1900: b'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nST: ssdp:all\r\n\r\n',
    11211: b"\x00\x01\x00\x00\x00\x01\x00\x00version\r\n",
}
_WIREGUARD = 148


def question(port: int) -> bytes:
    """What to send: to a port of no usual service, a WireGuard handshake that is signed by no key of the other side."""
    return _QUESTIONS.get(port) or struct.pack("<I", 1) + os.urandom(_WIREGUARD - 4)


class Asked:
    """UDP ports of one address, and what they answered.

    Attributes:
        answered: Port to the first bytes of its reply, in hex.
        closed: Ports for which the host said that nobody is there.
        unsent: Ports for which the kernel found no way.
    """

    def __init__(self, address: str, ports: list[int]) -> None:
        kind = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.answered: dict[int, str] = {}
        self.closed: set[int] = set()
        self.unsent: set[int] = set()
        self._poll = select.epoll()
        self._sockets: dict[int, tuple[int, socket.socket]] = {}
        for port in ports:
            sock = socket.socket(kind, socket.SOCK_DGRAM)
            sock.setblocking(False)
            sock.connect((address, port))
            self._sockets[sock.fileno()] = (port, sock)
            self._poll.register(sock.fileno(), select.EPOLLIN | select.EPOLLERR)

    def ask(self) -> None:
        """One question to each that has not answered."""
        for port, sock in self._sockets.values():
            if port not in self.answered and port not in self.closed:
                self._tried(port, lambda sock=sock, port=port: sock.send(question(port)))  # type: ignore[misc]

    def take(self, seconds: float) -> None:
        """Reads what comes in during that time."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for number, _ in self._poll.poll(left):
                port, sock = self._sockets[number]
                if reply := self._tried(port, lambda sock=sock: sock.recv(2048)):  # type: ignore[misc]
                    self.answered[port] = reply[:64].hex()

    def _tried(self, port: int, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except ConnectionRefusedError:
            self.closed.add(port)
        except OSError:
            self.unsent.add(port)
        return None


def main() -> None:
    """Asks, and says what came back."""
    about = told()
    asked = Asked(about["address"], about["ports"])
    for _ in range(about["tries"]):
        asked.ask()
        asked.take(about["patience"])
    silent = [port for port in about["ports"] if port not in asked.answered and port not in asked.closed]
    say(
        {
            "answered": asked.answered,
            "closed": ranges(asked.closed),
            "silent": ranges(silent),
            "unsent": sorted(asked.unsent),
        }
    )


if __name__ == "__main__":
    main()
