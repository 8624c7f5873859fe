"""Servers: making, changing and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.hetzner import catalog, errors
from rehearsal.clouds.hetzner.api import places, primary_ips
from rehearsal.clouds.hetzner.api.rules import effective
from rehearsal.clouds.hetzner.api.server_networks import join
from rehearsal.clouds.hetzner.api.server_view import address, orderable, shown
from rehearsal.clouds.hetzner.api.table import Table
from rehearsal.clouds.hetzner.fields import checked, hostname

if TYPE_CHECKING:
    from rehearsal.clouds.hetzner.project import Answer, Call, Project

Row = dict[str, Any]
_SPEC: Final = (
    "name:str! server_type:id_or_name! image:id_or_name! location:str ssh_keys:list user_data:str "
    "labels:dict firewalls:list networks:list volumes:list public_net:dict placement_group:int? automount:bool "
    "start_after_create:bool"
)
# https://docs.hetzner.cloud: "This field is limited to 32KiB."
_USER_DATA: Final = 32 * 1024


def _check_name(body: Row) -> None:
    if "name" in body:
        hostname(body["name"])


TABLE: Final = Table("servers", shown, filters=("name", "status"), check=_check_name)


def create(project: Project, call: Call) -> Answer:
    """Makes a server and boots its machine."""
    body = checked(call.body, _SPEC)
    hostname(body["name"])
    project.free_name("servers", body["name"])
    if len(body.get("user_data", "").encode()) > _USER_DATA:
        raise errors.invalid({"user_data": "must be at most 32 KiB"})
    facts, keys = _facts(project, body)
    firewalls = [project.get("firewalls", entry["firewall"]) for entry in body.get("firewalls", [])]
    volumes = [project.get("volumes", number) for number in body.get("volumes", [])]
    addresses = _addresses(project, body.get("public_net", {}), facts["location"])
    for volume in volumes:
        if volume["server"] is not None:
            raise errors.unprocessable("volume_already_attached", "volume is already attached to a server")
    networks = [project.get("networks", number) for number in body.get("networks", [])]
    row = project.add("servers", facts)
    _give_addresses(project, row, addresses)
    for firewall in firewalls:
        firewall["applied_to"] = [*firewall["applied_to"], {"type": "server", "server": {"id": row["id"]}}]
    for volume in volumes:
        volume["server"] = row["id"]
    for network in networks:
        join(project, row, {"network": network["id"]})
    return 201, _boot(project, row, keys, start=body.get("start_after_create", True))


def _facts(project: Project, body: Row) -> tuple[Row, list[str]]:
    kind = project.server_type(body["server_type"])
    if kind is None:
        raise errors.invalid({"server_type": f"unknown server type {body['server_type']!r}"})
    image = catalog.named(catalog.IMAGES, body["image"], architecture=kind["architecture"])
    if image is None:
        raise errors.invalid({"image": f"no image {body['image']!r} for architecture {kind['architecture']}"})
    named = body.get("location") or "fsn1"
    place = places.location(named)["name"]
    orderable(kind, place)
    if body.get("placement_group") is not None:
        project.get("placement_groups", body["placement_group"])
    keys = [project.find("ssh_keys", key)["public_key"] for key in body.get("ssh_keys", [])]
    facts = {
        "name": body["name"],
        "status": "initializing",
        "labels": body.get("labels", {}),
        "server_type": kind["name"],
        "image": image["id"],
        "location": place,
        "private_net": [],
        "iso": None,
        "rescue_enabled": False,
        "backup_window": None,
        "outgoing_traffic": 0,
        "ingoing_traffic": 0,
        "included_traffic": 20_000_000_000_000,
        "protection": {"delete": False, "rebuild": False},
        "load_balancers": [],
        "primary_disk_size": kind["disk"],
        "placement_group": body.get("placement_group"),
        "_user_data": body.get("user_data", ""),
        "_ssh_keys": keys,
    }
    return facts, keys


def _addresses(project: Project, wanted: Row, place: str) -> dict[str, Row | None]:
    """Type of address to the primary IP that was asked for, or to None for a new one."""
    checked(wanted, "enable_ipv4:bool enable_ipv6:bool ipv4:int? ipv6:int?")
    out: dict[str, Row | None] = {}
    for kind in ("ipv4", "ipv6"):
        if not wanted.get(f"enable_{kind}", True):
            continue
        number = wanted.get(kind)
        out[kind] = None if number is None else project.get("primary_ips", number)
        row = out[kind]
        if row is None:
            continue
        if row["assignee_id"] is not None:
            raise errors.unprocessable("primary_ip_assigned", "primary IP is already assigned")
        if row["location"] != place or row["type"] != kind:
            raise errors.invalid({f"public_net.{kind}": f"must be an {kind} at the location of the server"})
    return out


def _give_addresses(project: Project, row: Row, addresses: dict[str, Row | None]) -> None:
    for kind, chosen in addresses.items():
        ip = chosen
        if ip is None:
            ip = primary_ips.made(project, "", kind, row["location"], auto_delete=True)
            ip["name"] = f"primary_ip-{ip['id']}"
        ip["assignee_id"] = row["id"]


def _boot(project: Project, row: Row, keys: list[str], *, start: bool) -> Row:
    machine, rules = shown(project, row), effective(project, row)
    row["_rules"] = rules

    def work() -> None:
        # Before the machine: a server must never be open to the world, not even while it boots.
        project.machines.firewall(machine, rules)
        project.machines.create(machine, row["_user_data"], keys)
        if not start:
            project.machines.power(machine, "poweroff")

    def done(problem: str | None) -> None:
        row["status"] = "off" if problem or not start else "running"

    action = project.act("create_server", [("server", row["id"])], work, done)
    following = [project.act("start_server", [("server", row["id"])])] if start else []
    password = None if keys else "rehearsal"
    return {"server": shown(project, row), "action": action, "next_actions": following, "root_password": password}


def delete(project: Project, call: Call) -> Answer:
    """Removes a server and the addresses that were made with it; volumes and other addresses stay."""
    row = project.deletable("servers", call.id)
    row["status"] = "deleting"
    machine = shown(project, row)

    def done(problem: str | None) -> None:
        if problem:
            row["status"] = "unknown"
            return
        _forget(project, row)

    action = project.act("delete_server", [("server", row["id"])], lambda: project.machines.delete(machine), done)
    return 200, {"action": action}


def _forget(project: Project, row: Row) -> None:
    for kind in ("ipv4", "ipv6"):
        ip = address(project, row["id"], kind)
        if ip is not None and ip["auto_delete"]:
            del project.table("primary_ips")[ip["id"]]
        elif ip is not None:
            ip["assignee_id"] = None
    for table in ("volumes", "floating_ips"):
        for other in project.table(table).values():
            other["server"] = None if other["server"] == row["id"] else other["server"]
    for firewall in project.table("firewalls").values():
        gone = {"type": "server", "server": {"id": row["id"]}}
        firewall["applied_to"] = [entry for entry in firewall["applied_to"] if entry != gone]
    project.table("servers").pop(row["id"], None)
