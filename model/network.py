"""Docker networks as values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Network:
    """A bridge network.

    Attributes:
        name: Its name in Docker.
        subnet: IPv4 subnet in CIDR form, fixed: a derived one would move when a network is added, and every network field
            replaces the network with all containers on it (pulumi-docker, trap D24).
        internal: True: no way out of it, and none in.
    """

    name: str
    subnet: str
    internal: bool = True
