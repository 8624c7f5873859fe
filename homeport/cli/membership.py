"""Whether this machine is in a stack's mesh or VPN, by what it sees of itself: nothing of the stack is asked."""

from __future__ import annotations

import socket
from contextlib import suppress
from ipaddress import IPv4Network, ip_address
from typing import TYPE_CHECKING

from homeport.cli.preflight.dns import addresses

if TYPE_CHECKING:
    from homeport.model.blueprint import Blueprint


def membership(blueprint: Blueprint) -> str:
    """What shows that this machine is a member; empty: nothing does."""
    vpn, mesh = blueprint.vpn, blueprint.mesh
    if vpn:
        own = own_address(vpn.address)
        # By its very address: a network at home may have the VPN's subnet.
        if own in {vpn.address, *(vpn.at(peer.slot) for peer in vpn.peers)}:
            return f"it is {own} in the VPN"
    if mesh:
        subnet = IPv4Network(mesh.subnet)
        for name in map(mesh.hostname, mesh.members):
            # Only the mesh's own DNS knows it; an address in the mesh's range may be another mesh's.
            with suppress(socket.gaierror):
                if any(ip_address(address) in subnet for address in addresses(name)):
                    return f"the mesh's own DNS tells it where {name} is"
    return ""


def own_address(towards: str) -> str:
    """The address by which this machine leaves for another one; empty: there is no way. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((towards, 9))
        except OSError:
            return ""
        return str(probe.getsockname()[0])
