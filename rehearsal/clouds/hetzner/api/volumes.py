"""Volumes and placement groups."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api import places
from rehearsal.clouds.hetzner.api.table import Table
from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.project import Answer, Call, Project, public

Row = dict[str, Any]
_SMALLEST: Final = 10
_BIGGEST: Final = 10_240


def _shown(row: Row) -> Row:
    device = f"/dev/disk/by-id/scsi-0HC_Volume_{row['id']}"
    return {**public(row), "location": places.location(row["location"]), "linux_device": device}


def _size(size: int, least: int) -> int:
    if not least <= size <= _BIGGEST:
        raise errors.invalid({"size": f"must be between {least} and {_BIGGEST} GB"})
    return size


TABLE: Final = Table("volumes", lambda _project, row: _shown(row), filters=("name", "status"))


def create(project: Project, call: Call) -> Answer:
    """Makes a volume, at a location or on a server."""
    body = checked(call.body, "name:str! size:int! location:str server:int? automount:bool format:str? labels:dict")
    project.free_name("volumes", body["name"])
    server = project.get("servers", body["server"]) if body.get("server") is not None else None
    if (server is None) == (not body.get("location")):
        raise errors.invalid({"location": "either a location or a server is needed"})
    if body.get("format") not in (None, "ext4", "xfs"):
        raise errors.invalid({"format": "must be one of xfs, ext4"})
    place = places.location(server["location"] if server else body["location"])["name"]
    facts = {
        "name": body["name"],
        "size": _size(body["size"], _SMALLEST),
        "location": place,
        "format": body.get("format"),
        "labels": body.get("labels", {}),
        "server": server and server["id"],
        "status": "available",
    }
    row = project.add("volumes", facts)
    action = project.act("create_volume", [("volume", row["id"])])
    following = [project.act("attach_volume", [("volume", row["id"]), ("server", server["id"])])] if server else []
    return 201, {"volume": _shown(row), "action": action, "next_actions": following}


def delete(project: Project, call: Call) -> Answer:
    """Removes a volume that is on no server, and its data."""
    row = project.deletable("volumes", call.id)
    if row["server"] is not None:
        raise errors.in_use("volume", f"server {row['server']}")
    del project.table("volumes")[row["id"]]
    return 204, None


def attach(project: Project, call: Call) -> Answer:
    """Puts the volume on a server."""
    row = project.get("volumes", call.id)
    body = checked(call.body, "server:int! automount:bool")
    project.unlocked("volume", row["id"])
    server = project.get("servers", body["server"])
    project.unlocked("server", server["id"])
    if row["server"] is not None:
        raise errors.unprocessable("volume_already_attached", "volume is already attached to a server")
    if server["location"] != row["location"]:
        raise errors.invalid({"server": "must be at the location of the volume"})
    row["server"] = server["id"]
    return 201, {"action": project.act("attach_volume", [("volume", row["id"]), ("server", server["id"])])}


def detach(project: Project, call: Call) -> Answer:
    """Takes the volume from its server."""
    row = project.get("volumes", call.id)
    checked(call.body, "")
    project.unlocked("volume", row["id"])
    if row["server"] is None:
        raise errors.unprocessable("volume_not_attached", "volume is not attached to a server")
    on, row["server"] = row["server"], None
    return 201, {"action": project.act("detach_volume", [("volume", row["id"]), ("server", on)])}


def resize(project: Project, call: Call) -> Answer:
    """Makes the volume bigger; its file system stays as it is."""
    row = project.get("volumes", call.id)
    row["size"] = _size(checked(call.body, "size:int!")["size"], row["size"] + 1)
    return 201, {"action": project.act("resize_volume", [("volume", row["id"])])}


def change_protection(project: Project, call: Call) -> Answer:
    """Sets or lifts protection."""
    return places.protect(project, "volumes", call)


def show_group(project: Project, row: Row) -> Row:
    """A placement group as the API shows it."""
    within = [server["id"] for server in project.table("servers").values() if server["placement_group"] == row["id"]]
    return {key: value for key, value in public(row).items() if key != "protection"} | {"servers": within}


GROUPS: Final = Table("placement_groups", show_group, filters=("name", "type"))


def create_group(project: Project, call: Call) -> Answer:
    """Makes a placement group."""
    body = checked(call.body, "name:str! type:str! labels:dict")
    project.free_name("placement_groups", body["name"])
    if body["type"] != "spread":
        raise errors.invalid({"type": "must be one of spread"})
    return 201, {"placement_group": show_group(project, project.add("placement_groups", body)), "action": None}


def delete_group(project: Project, call: Call) -> Answer:
    """Removes an empty placement group."""
    row = project.get("placement_groups", call.id)
    if show_group(project, row)["servers"]:
        raise errors.in_use("placement_group", "a server")
    del project.table("placement_groups")[row["id"]]
    return 204, None
