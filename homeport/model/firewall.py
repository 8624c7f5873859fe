"""What may reach a host and the containers on it, as values. What is not named is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.model.host import Opening

WORLD = ""
"""By whichever interface is not the containers'."""
VPN = "wg0"
MESH = "tailscale0"
"""The interface of the mesh's client (tailscale, cmd/tailscaled, ``--tun``)."""
CONTAINERS = "br-+"
"""Docker's bridges: it calls them br- and the first digits of the network's id."""


@dataclass(frozen=True, kw_only=True)
class FirewallRule:
    """An opening, and who stands before it.

    Attributes:
        opening: Port, protocol and sources; port 0 stands for all ports and protocols.
        via: Interface that they come in by: ``WORLD``, ``VPN``, ``MESH``, ``CONTAINERS``, or the name of another.
        published: Whether a container is behind it; else it is the host's own port.
        address: The host's address that the container's port is published on; empty: any.
    """

    opening: Opening
    via: str = WORLD
    published: bool = False
    address: str = ""


@dataclass(frozen=True, kw_only=True)
class ContainerWays:
    """Where the containers of a host may open connections to; beyond that Docker decides.

    Attributes:
        closed: Subnets of the networks without a way out: from them only their own subnet is reached.
        vpn: Whether the host is in the VPN: its members are reached at ``calls`` alone.
        calls: Address of a member, and its TCP port.
        mesh: Whether the host is in the mesh: its members are reached at ``mesh_calls`` alone, and by no other way than
            the mesh. Which members those are is said by the mesh's rules, for their addresses are known only once they
            are in.
        mesh_calls: Subnet of a network of theirs, and the TCP port at members.
    """

    closed: tuple[str, ...] = ()
    vpn: bool = False
    calls: tuple[tuple[str, int], ...] = ()
    mesh: bool = False
    mesh_calls: tuple[tuple[str, int], ...] = ()
