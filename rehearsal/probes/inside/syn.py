"""TCP handshakes by hand: SYNs out of a raw socket, and what comes back for them. IPv4 and IPv6; needs CAP_NET_RAW.

Connecting sockets would do, but a host that drops SYNs holds each for a second and more, and their number is limited;
and a scanner that runs out of sockets reports ports closed that are open. The kernel knows nothing of these SYNs and
answers every SYN-ACK by a reset, so nothing is left half open on the other side.
"""

from __future__ import annotations

import random
import socket
import struct
import time
from ipaddress import ip_address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_SYN, _RST, _ACK = 0x02, 0x04, 0x10
_UNREACHABLE = {True: 3, False: 1}
_V4 = 4
_QUOTED = {True: 28, False: 48}
"""Type of "destination unreachable" and shortest quotation of ours in it, by whether it is IPv4."""
_IPV6_CHECKSUM = 7
_WINDOW = 64240
_MASK = 0xFFFFFFFF
_BUFFER = 4 << 20
_NAP = 0.001

OPEN, CLOSED, REJECTED = "open", "closed", "rejected"


class Syns:
    """SYNs to one address.

    Args:
        address: IPv4 or IPv6, as numbers.

    Raises:
        OSError: There is no way to the address, or no raw socket for us.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.v4 = ip_address(address).version == _V4
        kind = socket.AF_INET if self.v4 else socket.AF_INET6
        with socket.socket(kind, socket.SOCK_DGRAM) as route:
            route.connect((address, 9))
            own = route.getsockname()[0]
        self._ours, self._theirs = ip_address(own).packed, ip_address(address).packed
        # Below the ephemeral range, so that no connection of this machine has it.
        self._port = random.SystemRandom().randrange(20000, 30000)
        self._sequence = random.SystemRandom().randrange(1 << 32)
        self._tcp = socket.socket(kind, socket.SOCK_RAW, socket.IPPROTO_TCP)
        icmp = socket.IPPROTO_ICMP if self.v4 else socket.IPPROTO_ICMPV6
        self._icmp = socket.socket(kind, socket.SOCK_RAW, icmp)
        if not self.v4:
            self._tcp.setsockopt(socket.IPPROTO_IPV6, _IPV6_CHECKSUM, 16)
        for sock in (self._tcp, self._icmp):
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        words = struct.unpack(f"!{len(self._ours)}H", self._ours + self._theirs)
        self._sum = sum(words) + socket.IPPROTO_TCP + 20 + self._port + (5 << 12 | _SYN) + _WINDOW
        self.sent = 0
        self.unsent = 0

    def send(self, port: int) -> None:
        """Sends one SYN; one that the kernel has no room for, or no way to send, counts as unsent."""
        sequence = (self._sequence + port) & _MASK
        checksum = 0
        if self.v4:
            total = self._sum + port + (sequence >> 16) + (sequence & 0xFFFF)
            total = (total & 0xFFFF) + (total >> 16)
            checksum = ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF
        segment = struct.pack("!HHIIBBHHH", self._port, port, sequence, 0, 5 << 4, _SYN, _WINDOW, checksum, 0)
        try:
            self._tcp.sendto(segment, (self.address, 0))
            self.sent += 1
        except OSError:
            self.unsent += 1

    def answers(self) -> Iterator[tuple[int, str]]:
        """Ports and what they answered, of all that has come in so far."""
        while True:
            try:
                packet, sender = self._tcp.recvfrom(256)
            except OSError:
                break
            if sender[0].partition("%")[0] == self.address and (reply := self._read(packet)):
                yield reply
        while True:
            try:
                packet = self._icmp.recv(256)
            except OSError:
                break
            if port := self._refused(packet):
                yield port, REJECTED

    def _read(self, packet: bytes) -> tuple[int, str] | None:
        """A segment for us: from which port, and what it says; anything else is nothing."""
        start = (packet[0] & 15) * 4 if self.v4 else 0
        theirs, ours, _, acknowledged, _, flags = struct.unpack_from("!HHIIBB", packet, start)
        if ours != self._port or not flags & _ACK or acknowledged != (self._sequence + theirs + 1) & _MASK:
            return None
        return theirs, CLOSED if flags & _RST else OPEN if flags & _SYN else ""

    def _refused(self, packet: bytes) -> int:
        """The port of ours that somebody on the way says can't be reached, or 0."""
        start = (packet[0] & 15) * 4 if self.v4 else 0
        if packet[start] != _UNREACHABLE[self.v4]:
            return 0
        quoted = packet[start + 8 :]
        if len(quoted) < _QUOTED[self.v4]:
            return 0
        to, after = (quoted[16:20], (quoted[0] & 15) * 4) if self.v4 else (quoted[24:40], 40)
        ours, theirs = struct.unpack_from("!HH", quoted, after)
        return theirs if to == self._theirs and ours == self._port else 0

    def close(self) -> None:
        """Frees the sockets."""
        self._tcp.close()
        self._icmp.close()


def paced(rate: float, began: float, number: int) -> None:
    """Sleeps until it is time for the `number`th of `rate` packets a second."""
    ahead = began + number / rate - time.monotonic()
    if ahead > _NAP:
        time.sleep(ahead)
