"""Probes at a steady rate, and how many of them stayed without an answer.

Told: `address`, `port`, `rate` (probes a second), `kind`, `patience` (seconds). `udp` needs `echo` on the other side
and numbers its datagrams; `tcp` opens a connection for each, and a refusal is an answer too. With a patience below one
second no probe is saved by TCP's own second SYN. Runs until standard input ends, then waits for the last answers.
"""

from __future__ import annotations

import errno
import select
import socket
import time
from typing import Any

from rehearsal.probes.inside.talk import say, told, until_end


class Probes:
    """All that went out and what came back.

    Attributes:
        out: Number of a probe to when it was sent, of those that are not answered.
        slowest: The longest that an answer took, in seconds.
    """

    def __init__(self, about: dict[str, Any]) -> None:
        self.to = (about["address"], about["port"])
        self.tcp = about["kind"] == "tcp"
        self.patience = about["patience"]
        self.out: dict[int, float] = {}
        self.lost: list[tuple[int, float]] = []
        self.sent = self.answered = 0
        self.slowest = 0.0
        self._began = time.monotonic()
        self._sockets: dict[int, tuple[int, socket.socket]] = {}
        self._poll = select.epoll()
        if not self.tcp:
            self._one = self._watched(-1, select.EPOLLIN)

    def _watched(self, number: int, events: int) -> socket.socket:
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM if self.tcp else socket.SOCK_DGRAM)
        sock.setblocking(False)
        self._sockets[sock.fileno()] = (number, sock)
        self._poll.register(sock.fileno(), events)
        return sock

    def send(self) -> None:
        """Sends the next one. What the kernel refuses to send was lost."""
        number, self.sent = self.sent, self.sent + 1
        self.out[number] = time.monotonic()
        try:
            if self.tcp:
                self._watched(number, select.EPOLLOUT | select.EPOLLERR).connect_ex(self.to)
            else:
                self._one.sendto(b"%d" % number, self.to)
        except OSError:
            pass

    def take(self, seconds: float) -> None:
        """Reads answers for a while, then gives up those that had waited too long before it looked.

        Not those that became too old while this program did not run: their answers may be there, and not read yet.
        """
        now = time.monotonic()
        for handle, _ in self._poll.poll(max(0.0, seconds)):
            number, sock = self._sockets[handle]
            if self.tcp:
                self._note(number, sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) in (0, errno.ECONNREFUSED))
                self._forget(handle)
            else:
                try:
                    self._note(int(sock.recv(64)), True)
                except OSError:
                    continue
        for number in [number for number, when in self.out.items() if now - when > self.patience]:
            self._note(number, False)
        for handle in [handle for handle, (number, _) in self._sockets.items() if self.tcp and number not in self.out]:
            self._forget(handle)

    def _note(self, number: int, good: bool) -> None:
        when = self.out.pop(number, None)
        if when is None:
            return
        if good:
            self.answered += 1
            self.slowest = max(self.slowest, time.monotonic() - when)
        else:
            self.lost.append((number, round(when - self._began, 2)))

    def _forget(self, handle: int) -> None:
        self._poll.unregister(handle)
        self._sockets.pop(handle)[1].close()

    def result(self) -> dict[str, Any]:
        """Figures; `lost` has number and second of each."""
        return {
            "sent": self.sent,
            "answered": self.answered,
            "lost": self.lost,
            "slowest": round(self.slowest, 3),
            "seconds": round(time.monotonic() - self._began, 2),
        }


def main() -> None:
    """Probes until standard input ends."""
    about = told()
    over = until_end()
    probes = Probes(about)
    began = time.monotonic()
    while not over.is_set():
        probes.send()
        if probes.sent == 1:
            say({"probing": about["kind"]})
        while (left := began + probes.sent / about["rate"] - time.monotonic()) > 0:
            probes.take(left)
    while probes.out:
        probes.take(0.05)
    say(probes.result())


if __name__ == "__main__":
    main()
