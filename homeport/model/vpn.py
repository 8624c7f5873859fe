"""The WireGuard network as a value. Members have fixed slots: nobody moves when somebody comes or goes."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network


@dataclass(frozen=True, kw_only=True)
class Peer:
    """A device that may join.

    Attributes:
        name: As it is called in the settings.
        slot: Its place in the subnet: slot 7 of 10.66.0.0/24 is 10.66.0.7.
        public_key: The device's own; None: a key pair is made for it.
        ports: Its TCP ports that containers on the server may call.
    """

    name: str
    slot: int
    public_key: str | None = None
    ports: tuple[int, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Vpn:
    """The network and who is in it.

    Attributes:
        subnet: IPv4 subnet in CIDR form.
        slot: The server's place in it.
        port: The server's UDP port.
        peers: Everybody else.
    """

    subnet: str
    slot: int = 1
    port: int = 51820
    peers: tuple[Peer, ...] = ()

    @property
    def address(self) -> str:
        """The server's address."""
        return self.at(self.slot)

    @property
    def prefix(self) -> int:
        """Length of the subnet's prefix, in bits."""
        return IPv4Network(self.subnet).prefixlen

    def at(self, slot: int) -> str:
        """The address of a slot."""
        return str(IPv4Network(self.subnet)[slot])
