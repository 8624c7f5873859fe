"""Firewall rules and what firewalls apply to."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.listing import matches

if TYPE_CHECKING:
    from rehearsal.clouds.hetzner.project import Project

Row = dict[str, Any]
_PORTS: Final = re.compile(r"(\d{1,5})(?:-(\d{1,5}))?|any")
_HIGHEST: Final = 65535
_MOST_RULES: Final = 50
_MOST_ADDRESSES: Final = 100


def rules(rows: list[Any]) -> list[Row]:
    """The rules in full; raises `ApiError` for a wrong one."""
    if len(rows) > _MOST_RULES:
        raise errors.invalid({"rules": f"must have at most {_MOST_RULES} entries"})
    return [_rule(index, rule) for index, rule in enumerate(rows)]


def _rule(index: int, row: Any) -> Row:
    at = f"rules.{index}"
    if not isinstance(row, dict):
        raise errors.invalid({at: "must be of type dict"})
    spec = "direction:str! protocol:str! port:str? source_ips:list destination_ips:list description:str?"
    try:
        rule = checked(row, spec)
    except errors.ApiError as problem:
        fields = problem.details["fields"]
        raise errors.invalid({f"{at}.{field['name']}": field["messages"][0] for field in fields}) from problem
    _direction(at, rule)
    _port(at, rule)
    blank: Row = {"source_ips": [], "destination_ips": [], "port": None, "description": None}
    return {**blank, **rule}


def _direction(at: str, rule: Row) -> None:
    if rule["direction"] not in ("in", "out"):
        raise errors.invalid({f"{at}.direction": "must be one of in, out"})
    side = "source_ips" if rule["direction"] == "in" else "destination_ips"
    if not rule.get(side) or len(rule[side]) > _MOST_ADDRESSES:
        raise errors.invalid({f"{at}.{side}": f"must have 1 to {_MOST_ADDRESSES} entries"})
    for address in [*rule.get("source_ips", []), *rule.get("destination_ips", [])]:
        try:
            ipaddress.ip_network(address)
        except ValueError as problem:
            raise errors.invalid({f"{at}.{side}": f"must be a network in CIDR notation: {problem}"}) from problem


def _port(at: str, rule: Row) -> None:
    if rule["protocol"] not in ("tcp", "udp", "icmp", "esp", "gre"):
        raise errors.invalid({f"{at}.protocol": "must be one of tcp, udp, icmp, esp, gre"})
    port = rule.get("port")
    if (port is None) == (rule["protocol"] in ("tcp", "udp")):
        raise errors.invalid({f"{at}.port": "is required for tcp and udp and must not be given for other protocols"})
    if port is None:
        return
    match = _PORTS.fullmatch(port)
    ends = [int(end) for end in (match.groups() if match else ()) if end]
    if match is None or any(not 1 <= end <= _HIGHEST for end in ends) or ends != sorted(ends):
        raise errors.invalid({f"{at}.port": "must be a port or a range of ports between 1 and 65535"})


def targets(project: Project, rows: list[Any], field: str) -> list[Row]:
    """What a firewall shall apply to, or no longer apply to; raises `ApiError` for what is not there."""
    out: list[Row] = []
    for index, entry in enumerate(row if isinstance(row, dict) else {} for row in rows):
        if entry.get("type") == "server" and isinstance(entry.get("server"), dict):
            number = entry["server"].get("id")
            if number not in project.table("servers"):
                raise errors.ApiError(422, "firewall_resource_not_found", f"server with ID '{number}' not found")
            out.append({"type": "server", "server": {"id": number}})
        elif entry.get("type") == "label_selector" and isinstance(entry.get("label_selector"), dict):
            selector = entry["label_selector"].get("selector") or ""
            out.append({"type": "label_selector", "label_selector": {"selector": selector}})
        else:
            raise errors.invalid({f"{field}.{index}": "must be a server or a label selector"})
    return out


def applied(firewall: Row, server: Row) -> bool:
    """Whether the firewall works on the server, by name or by label."""
    return any(
        entry["server"]["id"] == server["id"]
        if entry["type"] == "server"
        else matches(entry["label_selector"]["selector"], server["labels"])
        for entry in firewall["applied_to"]
    )


def effective(project: Project, server: Row) -> list[Row] | None:
    """All rules that work on the server; None when no firewall does."""
    working = [row for row in project.table("firewalls").values() if applied(row, server)]
    return [rule for row in working for rule in row["rules"]] if working else None
