"""Primary IPs."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api.places import change_dns, default_dns, location, protect
from rehearsal.clouds.hetzner.api.table import Table
from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.project import Answer, Call, Project, public

Row = dict[str, Any]


def new_address(project: Project, kind: str) -> tuple[str, list[Row]]:
    """A free address or network of that type and its first reverse names."""
    rows = [*project.table("primary_ips").values(), *project.table("floating_ips").values()]
    taken = {row["ip"] for row in rows}
    if kind == "ipv6":
        return project.machines.ipv6(taken), []
    ip = project.machines.ipv4(taken)
    return ip, [{"ip": ip, "dns_ptr": default_dns(ip)}]


def address_type(body: Row) -> str:
    """The type of address that a request asks for."""
    if body["type"] not in ("ipv4", "ipv6"):
        raise errors.invalid({"type": "must be one of ipv4, ipv6"})
    return str(body["type"])


def shown(project: Project, row: Row) -> Row:
    """A primary IP as the API shows it.

    Since August 2026 one that nothing has is of assignee type `unassigned`:
    https://docs.hetzner.cloud/changelog#2026-04-27-primary-ips-will-return-unassigned.
    """
    place = location(row["location"])
    kind = project.unassigned if row["assignee_id"] is None else "server"
    return {**public(row), "assignee_type": kind, "location": place}


def made(project: Project, name: str, kind: str, place: str, **more: Any) -> Row:
    """A new primary IP without a server."""
    ip, names = new_address(project, kind)
    facts = {"name": name, "type": kind, "auto_delete": False, "location": place, "ip": ip, "dns_ptr": names}
    return project.add("primary_ips", {**facts, "assignee_id": None, "blocked": False, **more})


TABLE: Final = Table(
    "primary_ips",
    shown,
    filters=("name", "ip"),
    fields="name:str labels:dict auto_delete:bool",
)


def create(project: Project, call: Call) -> Answer:
    """Makes a primary IP, at a location or for a server that is switched off."""
    optional = "labels:dict auto_delete:bool location:str assignee_id:int? assignee_type:str"
    spec = f"name:str! type:str! {optional}"
    body = checked(call.body, spec)
    project.free_name("primary_ips", body["name"])
    kind, server = address_type(body), None
    if body.get("assignee_id") is not None:
        server = assignable(project, body["assignee_id"], kind)
    chosen = body.get("location", "")
    if (server is None) == (not chosen):
        raise errors.invalid({"location": "either a location or an assignee_id is needed"})
    place = location(server["location"] if server else chosen)["name"]
    more = {key: body[key] for key in ("labels", "auto_delete") if key in body}
    row = made(project, body["name"], kind, place, assignee_id=server and server["id"], **more)
    action = project.act("create_primary_ip", [("primary_ip", row["id"])])
    return 201, {"primary_ip": shown(project, row), "action": action}


def assignable(project: Project, number: int, kind: str) -> Row:
    """The server, when it can take a primary IP of that type now."""
    server = project.get("servers", number)
    project.unlocked("server", number)
    if server["status"] != "off":
        raise errors.unprocessable("server_not_stopped", "server must be powered off to change its primary IPs")
    if any(row["assignee_id"] == number and row["type"] == kind for row in project.table("primary_ips").values()):
        raise errors.unprocessable("server_has_ipv4" if kind == "ipv4" else "server_has_ipv6", "server has one already")
    return server


def delete(project: Project, call: Call) -> Answer:
    """Gives an address back that no server has."""
    row = project.deletable("primary_ips", call.id)
    if row["assignee_id"] is not None:
        raise errors.unprocessable("must_be_unassigned", "primary IP must be unassigned to be deleted")
    del project.table("primary_ips")[row["id"]]
    return 204, None


def assign(project: Project, call: Call) -> Answer:
    """Gives the address to a server that is switched off."""
    row = project.get("primary_ips", call.id)
    body = checked(call.body, "assignee_id:int! assignee_type:str!")
    if row["assignee_id"] is not None:
        raise errors.unprocessable("primary_ip_assigned", "primary IP is already assigned")
    server = assignable(project, body["assignee_id"], row["type"])
    if server["location"] != row["location"]:
        raise errors.unprocessable("primary_ip_datacenter_mismatch", "primary IP and server are at different locations")
    row["assignee_id"] = server["id"]
    return 201, {"action": project.act("assign_primary_ip", [("primary_ip", row["id"]), ("server", server["id"])])}


def unassign(project: Project, call: Call) -> Answer:
    """Takes the address from a server that is switched off."""
    row = project.get("primary_ips", call.id)
    if row["assignee_id"] is None:
        raise errors.unprocessable("primary_ip_not_assigned", "primary IP is not assigned")
    server = project.get("servers", row["assignee_id"])
    project.unlocked("server", server["id"])
    if server["status"] != "off":
        raise errors.unprocessable("server_not_stopped", "server must be powered off to change its primary IPs")
    row["assignee_id"] = None
    return 201, {"action": project.act("unassign_primary_ip", [("primary_ip", row["id"]), ("server", server["id"])])}


def change_dns_ptr(project: Project, call: Call) -> Answer:
    """Sets a reverse name."""
    return change_dns(project, "primary_ips", call.id, call)


def change_protection(project: Project, call: Call) -> Answer:
    """Sets or lifts protection."""
    return protect(project, "primary_ips", call)
