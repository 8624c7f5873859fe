"""Docker networks as values."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import IPv4Network
from itertools import count
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Collection

Protocol = Literal["tcp", "udp"]
POOL = IPv4Network("172.28.0.0/15")
"""Where a host's Docker takes subnets from by itself; presets and settings stay out of it."""
RESERVED: dict[IPv4Network, str] = {
    IPv4Network("172.17.0.0/16"): "the network that Docker makes for itself",
    POOL: "which a host's Docker gives to networks by itself",
}
"""Networks that no stack may have, each with whose it is."""


@dataclass(frozen=True, kw_only=True)
class Network:
    """A bridge network.

    Attributes:
        name: Its name in Docker.
        subnet: IPv4 subnet in CIDR form, fixed: a derived one would move when a network is added, and every network
            field replaces the network with all containers on it (docs/traps.md, D24).
        internal: True: no way out of it, and none in: Docker publishes no port of a container that has no other network
            (measured with 20.10).
        way_out: False, where ``internal`` is: its ports can be published, but the host's firewall lets nothing out
            that a container begins. A local stack has no firewall of ours, and so not this.
        mtu: Bytes of the largest packet on it; 0: what the host's Docker gives to networks.
        masquerade: False: what a container on it begins leaves under the container's own address, to which nothing on
            the internet finds back; its ports can be published all the same, also where there is no firewall of ours.
        shared: True: containers of other stacks join it. Docker gives out addresses of the first half of its subnet
            only, so that one of the second half is nobody else's; it is not taken away while a stranger is on it.
    """

    name: str
    subnet: str
    internal: bool = True
    mtu: int = 0
    way_out: bool = True
    shared: bool = False
    masquerade: bool = True

    @property
    def options(self) -> dict[str, str]:
        """What Docker's bridge driver is told."""
        mtu = {"com.docker.network.driver.mtu": str(self.mtu)} if self.mtu else {}
        return mtu | ({} if self.masquerade else {"com.docker.network.bridge.enable_ip_masquerade": "false"})

    @property
    def given_out(self) -> str | None:
        """The addresses that Docker gives out by itself; None: all of the subnet."""
        return str(next(IPv4Network(self.subnet).subnets())) if self.shared else None

    @property
    def last(self) -> str:
        """The last address that a container can have."""
        return str(IPv4Network(self.subnet)[-2])

    @property
    def gateway(self) -> str:
        """The host's address on it.

        Given to Docker as well: a daemon that restarts fills in the gateway that it was not told, and a refresh after
        that would have the network, and all containers on it, replaced.
        """
        return str(IPv4Network(self.subnet)[1])


def free_network(taken: Collection[IPv4Network]) -> str:
    """A subnet that overlaps none of those, and none that is spoken for."""
    others = (*taken, *RESERVED)
    tried = (IPv4Network((0x0A140000 + (number << 8), 24)) for number in count())
    return str(next(network for network in tried if not any(network.overlaps(other) for other in others)))
