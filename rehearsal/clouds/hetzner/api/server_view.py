"""A server as the API shows it, put together from the rows that belong to it."""

from __future__ import annotations

from typing import Any

from rehearsal.clouds.hetzner import catalog, errors
from rehearsal.clouds.hetzner.api import places
from rehearsal.clouds.hetzner.api.rules import applied
from rehearsal.clouds.hetzner.api.volumes import show_group
from rehearsal.clouds.hetzner.project import Project, public

Row = dict[str, Any]


def address(project: Project, server: int, kind: str) -> Row | None:
    """The primary IP of that type that the server has."""
    rows = project.table("primary_ips").values()
    return next((row for row in rows if row["assignee_id"] == server and row["type"] == kind), None)


def _public_net(project: Project, row: Row) -> Row:
    v4, v6 = (address(project, row["id"], kind) for kind in ("ipv4", "ipv6"))
    names = {entry["ip"]: entry["dns_ptr"] for entry in v4["dns_ptr"]} if v4 else {}
    firewalls = [
        {"id": firewall["id"], "status": "applied"}
        for firewall in project.table("firewalls").values()
        if applied(firewall, row)
    ]
    return {
        "ipv4": v4 and {"id": v4["id"], "ip": v4["ip"], "blocked": False, "dns_ptr": names.get(v4["ip"], "")},
        "ipv6": v6 and {"id": v6["id"], "ip": v6["ip"], "blocked": False, "dns_ptr": v6["dns_ptr"]},
        "floating_ips": [ip["id"] for ip in project.table("floating_ips").values() if ip["server"] == row["id"]],
        "firewalls": firewalls,
    }


def shown(project: Project, row: Row) -> Row:
    """The server with its type, image, location, addresses, networks and volumes."""
    running = [a for a in project.table("actions").values() if a["status"] == "running"]
    group = row["placement_group"]
    return {
        **public(row),
        "public_net": _public_net(project, row),
        # A server of a type that is no longer sold stays what it is.
        "server_type": project.server_type(row["server_type"]) or catalog.named(catalog.RETIRED, row["server_type"]),
        "image": catalog.named(catalog.IMAGES, row["image"]),
        "location": places.location(row["location"]),
        "locked": any({"id": row["id"], "type": "server"} in action["resources"] for action in running),
        "volumes": [volume["id"] for volume in project.table("volumes").values() if volume["server"] == row["id"]],
        "placement_group": show_group(project, project.get("placement_groups", group)) if group else None,
    }


def orderable(kind: Row, place: str) -> None:
    """Refuses a server type that the location does not have, does not have any more, or has none left of.

    Met in testflows/TestFlows-GitHub-Hetzner-Runners#96 (a type that the location has not) and
    hetznercloud/packer-plugin-hcloud#198 (none is left at the moment).
    """
    offer = next((offer for offer in kind["locations"] if offer["name"] == place), None)
    if offer is None or offer["deprecation"] is not None:
        raise errors.unprocessable("invalid_input", "unsupported location for server type")
    if not offer["available"]:
        raise errors.ApiError(412, "resource_unavailable", "error during placement")
