"""Servers in private networks."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api.networks import members
from rehearsal.clouds.hetzner.fields import checked

if TYPE_CHECKING:
    from rehearsal.clouds.hetzner.project import Answer, Call, Project

Row = dict[str, Any]


def join(project: Project, server: Row, body: Row) -> Row:
    """Puts the server into a network; raises `ApiError` when no address is free or the given one is not."""
    network = project.get("networks", body["network"])
    if any(entry["network"] == network["id"] for entry in server["private_net"]):
        raise errors.unprocessable("server_already_attached", "server is already attached to the network")
    ip = _free_address(project, network, body.get("ip"), body.get("ip_range"))
    number = server["id"] * 31 + network["id"]
    entry = {
        "network": network["id"],
        "ip": ip,
        "alias_ips": list(body.get("alias_ips") or []),
        "mac_address": "86:00:" + ":".join(f"{number >> shift & 255:02x}" for shift in (24, 16, 8, 0)),
    }
    server["private_net"] = [*server["private_net"], entry]
    return network


def _free_address(project: Project, network: Row, ip: str | None, subnet: str | None) -> str:
    blocks = [
        ipaddress.IPv4Network(entry["ip_range"]) for entry in network["subnets"] if subnet in (None, entry["ip_range"])
    ]
    if not blocks:
        raise errors.unprocessable("no_subnet_available", "no subnet or IP available")
    used = {server["_entry"]["ip"] for server in members(project, network["id"])}
    used |= {alias for server in members(project, network["id"]) for alias in server["_entry"]["alias_ips"]}
    used |= {entry["gateway"] for entry in network["subnets"]}
    if ip is not None:
        try:
            inside = any(ipaddress.IPv4Address(ip) in block for block in blocks)
        except ValueError:
            inside = False
        if not inside or ip in used:
            raise errors.unprocessable("ip_not_available", "IP is not available in the network")
        return ip
    for block in blocks:
        for host in block.hosts():
            # The first address of each subnet is kept, as the real one does for its own gateway.
            if str(host) not in used and host != block.network_address + 1:
                return str(host)
    raise errors.unprocessable("no_subnet_available", "no subnet or IP available")


def attach_to_network(project: Project, call: Call) -> Answer:
    """Puts a server into a network."""
    server = project.get("servers", call.id)
    body = checked(call.body, "network:int! ip:str? alias_ips:list ip_range:str?")
    project.unlocked("server", server["id"])
    network = join(project, server, body)
    return 201, {"action": project.act("attach_to_network", [("server", server["id"]), ("network", network["id"])])}


def _entry(project: Project, call: Call, number: int) -> tuple[Row, Row]:
    server = project.get("servers", call.id)
    project.unlocked("server", server["id"])
    entries = [entry for entry in server["private_net"] if entry["network"] == number]
    if not entries:
        raise errors.unprocessable("server_not_attached", "server is not attached to the network")
    return server, entries[0]


def detach_from_network(project: Project, call: Call) -> Answer:
    """Takes a server out of a network."""
    number = checked(call.body, "network:int!")["network"]
    server, entry = _entry(project, call, number)
    server["private_net"] = [other for other in server["private_net"] if other is not entry]
    return 201, {"action": project.act("detach_from_network", [("server", server["id"]), ("network", number)])}


def change_alias_ips(project: Project, call: Call) -> Answer:
    """Sets the further addresses of a server in a network."""
    body = checked(call.body, "network:int! alias_ips:list!")
    server, entry = _entry(project, call, body["network"])
    entry["alias_ips"] = list(body["alias_ips"])
    return 201, {"action": project.act("change_alias_ips", [("server", server["id"]), ("network", body["network"])])}
