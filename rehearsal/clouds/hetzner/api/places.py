"""Where things are, and the small parts that several kinds of resources share."""

from __future__ import annotations

import ipaddress
from typing import Any

from rehearsal.clouds.hetzner import catalog, errors
from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.project import NOUNS, Answer, Call, Project

Row = dict[str, Any]


def location(key: int | str, field: str = "location") -> Row:
    """The location of that name or id; raises `ApiError` when there is none."""
    row = catalog.named(catalog.LOCATIONS, key)
    if row is None:
        raise errors.invalid({field: f"unknown location {key!r}"})
    return row


def default_dns(ip: str) -> str:
    """The reverse name that an address has until somebody sets one."""
    return f"static.{ipaddress.ip_address(ip).reverse_pointer.rsplit('.', 2)[0]}.clients.example.com"


def change_dns(project: Project, table: str, number: int, call: Call) -> Answer:
    """Sets or, with null, resets the reverse name of an address."""
    row = project.get(table, number)
    body = checked(call.body, "ip:str! dns_ptr:str?")
    kept = [entry for entry in row["dns_ptr"] if entry["ip"] != body["ip"]]
    if not belongs(row, body["ip"]):
        raise errors.invalid({"ip": "does not belong to the resource"})
    if body.get("dns_ptr"):
        kept.append({"ip": body["ip"], "dns_ptr": body["dns_ptr"]})
    elif row["type"] == "ipv4":
        kept.append({"ip": body["ip"], "dns_ptr": default_dns(body["ip"])})
    row["dns_ptr"] = kept
    return 201, {"action": project.act("change_dns_ptr", [(NOUNS[table], row["id"])])}


def belongs(row: Row, ip: str) -> bool:
    """Whether the address is that of the row, or lies in its network."""
    try:
        return ipaddress.ip_address(ip) in ipaddress.ip_network(row["ip"])
    except (ValueError, TypeError):
        return False


def protect(project: Project, table: str, call: Call, spec: str = "delete:bool") -> Answer:
    """Sets or lifts protection."""
    row = project.get(table, call.id)
    row["protection"] = {**row["protection"], **checked(call.body, spec)}
    return 201, {"action": project.act("change_protection", [(NOUNS[table], row["id"])])}
