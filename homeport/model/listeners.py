"""Who listens where on one host: one table, whoever puts a line into it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, combinations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from homeport.model.network import Protocol

_ANY = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared, not bound


@dataclass(frozen=True, kw_only=True)
class Listener:
    """An address, port and protocol on which something accepts connections.

    Attributes:
        whose: What listens, for messages: ``sshd``, ``service n8n``.
        port: The number.
        protocol: ``tcp`` or ``udp``.
        address: Of the host; empty: all of them.
        path: The setting that says the number.
        chosen: Whether somebody set it; else it is the catalog's or a default.
    """

    whose: str
    port: int
    path: str
    protocol: Protocol = "tcp"
    address: str = ""
    chosen: bool = False

    def meets(self, other: Listener) -> bool:
        """Whether only one of the two could listen."""
        same = (self.port, self.protocol) == (other.port, other.protocol)
        return same and (self.address == other.address or bool(_ANY & {self.address, other.address}))


def clashes(table: Iterable[Listener]) -> Iterator[tuple[Listener, Listener]]:
    """Each pair that cannot be; the first of the two is the one to move."""
    for left, right in combinations(table, 2):
        if left.meets(right):
            yield (left, right) if left.chosen and not right.chosen else (right, left)


def free_port(table: Iterable[Listener], wanted: int) -> int:
    """The first port from the wanted one on that nobody in the table has, whatever its address and protocol."""
    taken = {listener.port for listener in table}
    return next(port for port in chain(range(wanted, 65536), range(1024, wanted)) if port not in taken)
