"""Private networks, their subnets and routes."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from rehearsal.clouds.hetzner import catalog, errors
from rehearsal.clouds.hetzner.api import places
from rehearsal.clouds.hetzner.api.table import Table
from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.project import Answer, Call, Project, public

Row = dict[str, Any]
_PRIVATE = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))


def _range(text: str, field: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(text)
    except ValueError as problem:
        raise errors.invalid({field: f"must be an IPv4 network in CIDR notation: {problem}"}) from problem


def members(project: Project, network: int) -> list[Row]:
    """The servers in a network, each with its entry in it as `_entry`."""
    return [
        {**server, "_entry": entry}
        for server in project.table("servers").values()
        for entry in server["private_net"]
        if entry["network"] == network
    ]


def _shown(project: Project, row: Row) -> Row:
    servers = [server["id"] for server in members(project, row["id"])]
    return {**public(row), "servers": servers, "load_balancers": []}


TABLE: Final = Table("networks", _shown, fields="name:str labels:dict expose_routes_to_vswitch:bool")


def create(project: Project, call: Call) -> Answer:
    """Makes a network, with subnets and routes if given."""
    spec = "name:str! ip_range:str! labels:dict subnets:list routes:list expose_routes_to_vswitch:bool"
    body = checked(call.body, spec)
    project.free_name("networks", body["name"])
    if not any(_range(body["ip_range"], "ip_range").subnet_of(block) for block in _PRIVATE):
        raise errors.invalid({"ip_range": "must be a private network as per RFC 1918"})
    facts = {"expose_routes_to_vswitch": False, **body, "subnets": [], "routes": []}
    for subnet in body.get("subnets", []):
        facts["subnets"] = [*facts["subnets"], _subnet(facts, subnet)]
    for route in body.get("routes", []):
        facts["routes"] = [*facts["routes"], _route(facts, route)]
    return 201, {"network": _shown(project, project.add("networks", facts))}


def _subnet(network: Row, fields: Row) -> Row:
    body = checked(fields, "type:str! ip_range:str? network_zone:str! vswitch_id:int?")
    if body["type"] not in ("cloud", "server", "vswitch"):
        raise errors.invalid({"type": "must be one of cloud, server, vswitch"})
    if body["network_zone"] not in catalog.ZONES:
        raise errors.invalid({"network_zone": "unknown network zone"})
    whole = _range(network["ip_range"], "ip_range")
    others = [_range(subnet["ip_range"], "ip_range") for subnet in network["subnets"]]
    if body.get("ip_range"):
        part = _range(body["ip_range"], "ip_range")
    else:
        candidates = whole.subnets(new_prefix=max(24, whole.prefixlen))
        part = next(block for block in candidates if not any(block.overlaps(other) for other in others))
    if not part.subnet_of(whole):
        raise errors.invalid({"ip_range": "must be part of the network"})
    if any(part.overlaps(other) for other in others):
        raise errors.invalid({"ip_range": "overlaps with another subnet"})
    return {
        "type": body["type"],
        "ip_range": str(part),
        "network_zone": body["network_zone"],
        # The gateway is that of the whole network: https://docs.hetzner.com/networking/networks/overview.
        "gateway": str(next(whole.hosts())),
        "vswitch_id": body.get("vswitch_id"),
    }


def _route(network: Row, fields: Row) -> Row:
    body = checked(fields, "destination:str! gateway:str!")
    _range(body["destination"], "destination")
    try:
        inside = ipaddress.IPv4Address(body["gateway"]) in _range(network["ip_range"], "ip_range")
    except ValueError:
        inside = False
    if not inside:
        raise errors.invalid({"gateway": "must be an address of the network"})
    if any(route["destination"] == body["destination"] for route in network["routes"]):
        raise errors.invalid({"destination": "has a route already"})
    return body


def delete(project: Project, call: Call) -> Answer:
    """Removes a network; servers in it are detached."""
    row = project.deletable("networks", call.id)
    for server in project.table("servers").values():
        server["private_net"] = [entry for entry in server["private_net"] if entry["network"] != row["id"]]
    del project.table("networks")[row["id"]]
    return 204, None


def add_subnet(project: Project, call: Call) -> Answer:
    """Adds a subnet."""
    row = project.get("networks", call.id)
    project.unlocked("network", row["id"])
    row["subnets"] = [*row["subnets"], _subnet(row, call.body)]
    return 201, {"action": project.act("add_subnet", [("network", row["id"])])}


def delete_subnet(project: Project, call: Call) -> Answer:
    """Removes a subnet that no server is in."""
    row = project.get("networks", call.id)
    project.unlocked("network", row["id"])
    text = checked(call.body, "ip_range:str!")["ip_range"]
    if not any(subnet["ip_range"] == text for subnet in row["subnets"]):
        raise errors.not_found("subnet", text)
    block = _range(text, "ip_range")
    if any(ipaddress.IPv4Address(server["_entry"]["ip"]) in block for server in members(project, row["id"])):
        raise errors.in_use("subnet", "a server")
    row["subnets"] = [subnet for subnet in row["subnets"] if subnet["ip_range"] != text]
    return 201, {"action": project.act("delete_subnet", [("network", row["id"])])}


def add_route(project: Project, call: Call) -> Answer:
    """Adds a route."""
    row = project.get("networks", call.id)
    project.unlocked("network", row["id"])
    row["routes"] = [*row["routes"], _route(row, call.body)]
    return 201, {"action": project.act("add_route", [("network", row["id"])])}


def delete_route(project: Project, call: Call) -> Answer:
    """Removes a route."""
    row = project.get("networks", call.id)
    project.unlocked("network", row["id"])
    body = checked(call.body, "destination:str! gateway:str!")
    if body not in row["routes"]:
        raise errors.not_found("route", body["destination"])
    row["routes"] = [route for route in row["routes"] if route != body]
    return 201, {"action": project.act("delete_route", [("network", row["id"])])}


def change_ip_range(project: Project, call: Call) -> Answer:
    """Widens the network."""
    row = project.get("networks", call.id)
    text = checked(call.body, "ip_range:str!")["ip_range"]
    if not _range(row["ip_range"], "ip_range").subnet_of(_range(text, "ip_range")):
        raise errors.invalid({"ip_range": "can only be extended"})
    row["ip_range"] = text
    return 201, {"action": project.act("change_ip_range", [("network", row["id"])])}


def change_protection(project: Project, call: Call) -> Answer:
    """Sets or lifts protection."""
    return places.protect(project, "networks", call)
