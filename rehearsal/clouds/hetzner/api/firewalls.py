"""Firewalls."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api.rules import applied, rules, targets
from rehearsal.clouds.hetzner.api.table import Table
from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.project import Answer, Call, Project, public

Row = dict[str, Any]


def _shown(project: Project, row: Row) -> Row:
    out = public(row)
    out["applied_to"] = [dict(entry) for entry in row["applied_to"]]
    for entry in out["applied_to"]:
        if entry["type"] == "label_selector":
            only = {"applied_to": [entry]}
            entry["applied_to_resources"] = [
                {"type": "server", "server": {"id": server["id"]}}
                for server in project.table("servers").values()
                if applied(only, server)
            ]
    return out


TABLE: Final = Table("firewalls", _shown)


def create(project: Project, call: Call) -> Answer:
    """Makes a firewall, with rules and targets if given."""
    body = checked(call.body, "name:str! labels:dict rules:list apply_to:list")
    project.free_name("firewalls", body["name"])
    facts = {
        "name": body["name"],
        "labels": body.get("labels", {}),
        "rules": rules(body.get("rules", [])),
        "applied_to": targets(project, body.get("apply_to", []), "apply_to"),
    }
    row = project.add("firewalls", facts)
    actions = [_applying(project, row, entry) for entry in row["applied_to"]]
    return 201, {"firewall": _shown(project, row), "actions": actions}


def _applying(project: Project, row: Row, entry: Row, command: str = "apply_firewall") -> Row:
    on = [("server", entry["server"]["id"])] if entry["type"] == "server" else []
    return project.act(command, [("firewall", row["id"]), *on])


def delete(project: Project, call: Call) -> Answer:
    """Removes a firewall that applies to nothing."""
    row = project.deletable("firewalls", call.id)
    if row["applied_to"]:
        raise errors.in_use("firewall", "a server or a label selector")
    del project.table("firewalls")[row["id"]]
    return 204, None


def set_rules(project: Project, call: Call) -> Answer:
    """Replaces all rules; a missing list removes them."""
    row = project.get("firewalls", call.id)
    row["rules"] = rules(checked(call.body, "rules:list").get("rules", []))
    actions = [project.act("set_firewall_rules", [("firewall", row["id"])])]
    actions += [_applying(project, row, entry) for entry in row["applied_to"]]
    return 201, {"actions": actions}


def apply_to_resources(project: Project, call: Call) -> Answer:
    """Adds targets."""
    row = project.get("firewalls", call.id)
    entries = targets(project, checked(call.body, "apply_to:list!")["apply_to"], "apply_to")
    for entry in entries:
        if entry in row["applied_to"]:
            raise errors.ApiError(409, "firewall_already_applied", "firewall is already applied to the resource")
    row["applied_to"] = [*row["applied_to"], *entries]
    return 201, {"actions": [_applying(project, row, entry) for entry in entries]}


def remove_from_resources(project: Project, call: Call) -> Answer:
    """Removes targets."""
    row = project.get("firewalls", call.id)
    entries = targets(project, checked(call.body, "remove_from:list!")["remove_from"], "remove_from")
    for entry in entries:
        if entry not in row["applied_to"]:
            raise errors.ApiError(409, "firewall_already_removed", "firewall is not applied to the resource")
    row["applied_to"] = [entry for entry in row["applied_to"] if entry not in entries]
    return 201, {"actions": [_applying(project, row, entry, "remove_firewall") for entry in entries]}
