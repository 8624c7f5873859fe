"""Floating IPs."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api.places import change_dns, location, protect
from rehearsal.clouds.hetzner.api.primary_ips import address_type, new_address
from rehearsal.clouds.hetzner.api.table import Table
from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.project import Answer, Call, Project, public

Row = dict[str, Any]


def shown(row: Row) -> Row:
    """A floating IP as the API shows it."""
    return {**public(row), "home_location": location(row["home_location"])}


TABLE: Final = Table("floating_ips", lambda _project, row: shown(row), fields="name:str labels:dict description:str?")


def create(project: Project, call: Call) -> Answer:
    """Makes a floating IP, at home somewhere or where its server is."""
    body = checked(call.body, "type:str! name:str labels:dict description:str? home_location:str server:int?")
    kind = address_type(body)
    server = project.get("servers", body["server"]) if body.get("server") is not None else None
    if server is None and not body.get("home_location"):
        raise errors.invalid({"home_location": "either a home_location or a server is needed"})
    if "name" in body:
        project.free_name("floating_ips", body["name"])
    place = location(server["location"] if server else body["home_location"], "home_location")["name"]
    ip, names = new_address(project, kind)
    facts = {"description": body.get("description"), "type": kind, "ip": ip, "dns_ptr": names, "home_location": place}
    row = project.add("floating_ips", {"name": "", "server": server and server["id"], "blocked": False, **facts})
    row.update(name=body.get("name") or f"floating-ip-{row['id']}", labels=body.get("labels", {}))
    answer: Row = {"floating_ip": shown(row)}
    if server is not None:
        answer["action"] = project.act("assign_floating_ip", [("floating_ip", row["id"]), ("server", server["id"])])
    return 201, answer


def delete(project: Project, call: Call) -> Answer:
    """Gives the address back; a server that has it loses it."""
    del project.table("floating_ips")[project.deletable("floating_ips", call.id)["id"]]
    return 204, None


def assign(project: Project, call: Call) -> Answer:
    """Routes the address to a server, from another one too."""
    row = project.get("floating_ips", call.id)
    server = project.get("servers", checked(call.body, "server:int!")["server"])
    row["server"] = server["id"]
    return 201, {"action": project.act("assign_floating_ip", [("floating_ip", row["id"]), ("server", server["id"])])}


def unassign(project: Project, call: Call) -> Answer:
    """Routes the address nowhere."""
    row = project.get("floating_ips", call.id)
    row["server"] = None
    return 201, {"action": project.act("unassign_floating_ip", [("floating_ip", row["id"])])}


def change_dns_ptr(project: Project, call: Call) -> Answer:
    """Sets a reverse name."""
    return change_dns(project, "floating_ips", call.id, call)


def change_protection(project: Project, call: Call) -> Answer:
    """Sets or lifts protection."""
    return protect(project, "floating_ips", call)
