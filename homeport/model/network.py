"""Docker networks as values."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Literal

Protocol = Literal["tcp", "udp"]


@dataclass(frozen=True, kw_only=True)
class Network:
    """A bridge network.

    Attributes:
        name: Its name in Docker.
        subnet: IPv4 subnet in CIDR form, fixed: a derived one would move when a network is added, and every network
            field replaces the network with all containers on it (docs/traps.md, D24).
        internal: True: no way out of it, and none in.
        mtu: Bytes of the largest packet on it; 0: what the host's Docker gives to networks.
    """

    name: str
    subnet: str
    internal: bool = True
    mtu: int = 0

    @property
    def gateway(self) -> str:
        """The host's address on it.

        Given to Docker as well: a daemon that restarts fills in the gateway that it was not told, and a refresh after
        that would have the network, and all containers on it, replaced.
        """
        return str(IPv4Network(self.subnet)[1])
