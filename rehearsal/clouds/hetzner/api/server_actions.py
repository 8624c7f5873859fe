"""What can be done to a server: power, rebuild, type, protection, backups, rescue, placement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.hetzner import catalog, errors
from rehearsal.clouds.hetzner.api import places
from rehearsal.clouds.hetzner.api.server_view import address, orderable, shown
from rehearsal.clouds.hetzner.fields import checked

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.clouds.hetzner.project import Answer, Call, Project

Row = dict[str, Any]
# Name in the path to the name of the action, the driver's word and the status afterwards.
_POWER: Final = {
    "poweron": ("start_server", "running"),
    "poweroff": ("stop_server", "off"),
    "shutdown": ("shutdown_server", "off"),
    "reboot": ("reboot_server", "running"),
    "reset": ("reset_server", "running"),
}


def power(what: str) -> Callable[[Project, Call], Answer]:
    """The handler of a power action."""
    command, after = _POWER[what]

    def handler(project: Project, call: Call) -> Answer:
        row = _unlocked(project, call)
        machine = shown(project, row)

        def done(problem: str | None) -> None:
            row["status"] = "unknown" if problem else after

        work = lambda: project.machines.power(machine, what)  # noqa: E731  (a name for one line)
        return 201, {"action": project.act(command, [("server", row["id"])], work, done)}

    return handler


def _unlocked(project: Project, call: Call) -> Row:
    row = project.get("servers", call.id)
    project.unlocked("server", row["id"])
    return row


def rebuild(project: Project, call: Call) -> Answer:
    """Replaces the disk of a server by a fresh image."""
    row = _unlocked(project, call)
    body = checked(call.body, "image:id_or_name! user_data:str")
    if row["protection"]["rebuild"]:
        raise errors.protected("server", "rebuild")
    kind = project.server_type(row["server_type"]) or {}
    image = catalog.named(catalog.IMAGES, body["image"], architecture=kind.get("architecture"))
    if image is None:
        raise errors.invalid({"image": f"no image {body['image']!r} for this server"})
    row.update(image=image["id"], status="rebuilding", _user_data=body.get("user_data", row["_user_data"]))
    machine = shown(project, row)

    def done(problem: str | None) -> None:
        row["status"] = "unknown" if problem else "running"

    work = lambda: project.machines.rebuild(machine, row["_user_data"], row["_ssh_keys"])  # noqa: E731
    action = project.act("rebuild_server", [("server", row["id"])], work, done)
    return 201, {"action": action, "root_password": None if row["_ssh_keys"] else "rehearsal"}


def change_type(project: Project, call: Call) -> Answer:
    """Changes the server type of a server that is switched off; its disk never shrinks."""
    row = _unlocked(project, call)
    body = checked(call.body, "server_type:id_or_name! upgrade_disk:bool!")
    kind = project.server_type(body["server_type"])
    old = project.server_type(row["server_type"]) or {}
    if kind is None or kind["architecture"] != old["architecture"]:
        raise errors.invalid({"server_type": "unknown, or of another architecture"})
    orderable(kind, row["location"])
    if row["status"] != "off":
        raise errors.unprocessable("server_not_stopped", "server must be powered off to change its type")
    if kind["disk"] < row["primary_disk_size"]:
        raise errors.unprocessable("invalid_server_type", "the disk of the new type is smaller than that of the server")
    row["server_type"] = kind["name"]
    if body["upgrade_disk"]:
        row["primary_disk_size"] = kind["disk"]
    return 201, {"action": project.act("change_server_type", [("server", row["id"])])}


def change_protection(project: Project, call: Call) -> Answer:
    """Sets or lifts protection against deletion and rebuilding, both together as the API wants it."""
    body = checked(call.body, "delete:bool rebuild:bool")
    if body.get("delete", False) != body.get("rebuild", body.get("delete", False)):
        raise errors.invalid({"rebuild": "must be the same as delete"})
    return places.protect(project, "servers", call, "delete:bool rebuild:bool")


def change_dns_ptr(project: Project, call: Call) -> Answer:
    """Sets the reverse name of one of the server's addresses."""
    row = project.get("servers", call.id)
    body = checked(call.body, "ip:str! dns_ptr:str?")
    for kind in ("ipv4", "ipv6"):
        ip = address(project, row["id"], kind)
        if ip is not None and places.belongs(ip, body["ip"]):
            return places.change_dns(project, "primary_ips", ip["id"], call)
    raise errors.invalid({"ip": "does not belong to the server"})


def _set(command: str, **facts: Any) -> Callable[[Project, Call], Answer]:
    def handler(project: Project, call: Call) -> Answer:
        row = _unlocked(project, call)
        row.update(facts)
        return 201, {"action": project.act(command, [("server", row["id"])])}

    return handler


enable_backup = _set("enable_backup", backup_window="22-02")
disable_backup = _set("disable_backup", backup_window=None)
disable_rescue = _set("disable_rescue", rescue_enabled=False)
remove_from_placement_group = _set("remove_from_placement_group", placement_group=None)


def enable_rescue(project: Project, call: Call) -> Answer:
    """Notes that the next boot is into the rescue system, which a rehearsal does not have."""
    row = _unlocked(project, call)
    checked(call.body, "type:str ssh_keys:list")
    row["rescue_enabled"] = True
    return 201, {"action": project.act("enable_rescue", [("server", row["id"])]), "root_password": None}


def add_to_placement_group(project: Project, call: Call) -> Answer:
    """Puts a server that is switched off into a placement group."""
    row = _unlocked(project, call)
    group = project.get("placement_groups", checked(call.body, "placement_group:int!")["placement_group"])
    if row["status"] != "off":
        raise errors.unprocessable("server_not_stopped", "server must be powered off to change its placement group")
    row["placement_group"] = group["id"]
    return 201, {"action": project.act("add_to_placement_group", [("server", row["id"])])}
