"""Volumes and placement groups."""

from __future__ import annotations

from typing import Any, Final

from rehearsal.clouds.hetzner import errors
from rehearsal.clouds.hetzner.api import places
from rehearsal.clouds.hetzner.fields import checked
from rehearsal.clouds.hetzner.listing import page
from rehearsal.clouds.hetzner.world import Answer, Call, World, public

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


def create(world: World, call: Call) -> Answer:
    """Makes a volume, at a location or on a server."""
    body = checked(call.body, "name:str! size:int! location:str server:int? automount:bool format:str? labels:dict")
    world.free_name("volumes", body["name"])
    server = world.get("servers", body["server"]) if body.get("server") is not None else None
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
    row = world.add("volumes", facts)
    action = world.act("create_volume", [("volume", row["id"])])
    following = [world.act("attach_volume", [("volume", row["id"]), ("server", server["id"])])] if server else []
    return 201, {"volume": _shown(row), "action": action, "next_actions": following}


def listed(world: World, call: Call) -> Answer:
    """The volumes."""
    rows = [_shown(row) for row in world.table("volumes").values()]
    return 200, page("volumes", rows, call.query, ("name", "status"))


def one(world: World, call: Call) -> Answer:
    """One volume."""
    return 200, {"volume": _shown(world.get("volumes", call.id))}


def update(world: World, call: Call) -> Answer:
    """Changes name or labels."""
    return 200, {"volume": _shown(world.rename("volumes", call, checked(call.body, "name:str labels:dict")))}


def delete(world: World, call: Call) -> Answer:
    """Removes a volume that is on no server, and its data."""
    row = world.deletable("volumes", call.id)
    if row["server"] is not None:
        raise errors.in_use("volume", f"server {row['server']}")
    del world.table("volumes")[row["id"]]
    return 204, None


def attach(world: World, call: Call) -> Answer:
    """Puts the volume on a server."""
    row = world.get("volumes", call.id)
    body = checked(call.body, "server:int! automount:bool")
    world.unlocked("volume", row["id"])
    server = world.get("servers", body["server"])
    world.unlocked("server", server["id"])
    if row["server"] is not None:
        raise errors.unprocessable("volume_already_attached", "volume is already attached to a server")
    if server["location"] != row["location"]:
        raise errors.invalid({"server": "must be at the location of the volume"})
    row["server"] = server["id"]
    return 201, {"action": world.act("attach_volume", [("volume", row["id"]), ("server", server["id"])])}


def detach(world: World, call: Call) -> Answer:
    """Takes the volume from its server."""
    row = world.get("volumes", call.id)
    checked(call.body, "")
    world.unlocked("volume", row["id"])
    if row["server"] is None:
        raise errors.unprocessable("volume_not_attached", "volume is not attached to a server")
    on, row["server"] = row["server"], None
    return 201, {"action": world.act("detach_volume", [("volume", row["id"]), ("server", on)])}


def resize(world: World, call: Call) -> Answer:
    """Makes the volume bigger; its file system stays as it is."""
    row = world.get("volumes", call.id)
    row["size"] = _size(checked(call.body, "size:int!")["size"], row["size"] + 1)
    return 201, {"action": world.act("resize_volume", [("volume", row["id"])])}


def change_protection(world: World, call: Call) -> Answer:
    """Sets or lifts protection."""
    return places.protect(world, "volumes", call)


def show_group(world: World, row: Row) -> Row:
    """A placement group as the API shows it."""
    within = [server["id"] for server in world.table("servers").values() if server["placement_group"] == row["id"]]
    return {key: value for key, value in public(row).items() if key != "protection"} | {"servers": within}


def create_group(world: World, call: Call) -> Answer:
    """Makes a placement group."""
    body = checked(call.body, "name:str! type:str! labels:dict")
    world.free_name("placement_groups", body["name"])
    if body["type"] != "spread":
        raise errors.invalid({"type": "must be one of spread"})
    return 201, {"placement_group": show_group(world, world.add("placement_groups", body)), "action": None}


def listed_groups(world: World, call: Call) -> Answer:
    """The placement groups."""
    rows = [show_group(world, row) for row in world.table("placement_groups").values()]
    return 200, page("placement_groups", rows, call.query, ("name", "type"))


def one_group(world: World, call: Call) -> Answer:
    """One placement group."""
    return 200, {"placement_group": show_group(world, world.get("placement_groups", call.id))}


def update_group(world: World, call: Call) -> Answer:
    """Changes name or labels."""
    row = world.rename("placement_groups", call, checked(call.body, "name:str labels:dict"))
    return 200, {"placement_group": show_group(world, row)}


def delete_group(world: World, call: Call) -> Answer:
    """Removes an empty placement group."""
    row = world.get("placement_groups", call.id)
    if show_group(world, row)["servers"]:
        raise errors.in_use("placement_group", "a server")
    del world.table("placement_groups")[row["id"]]
    return 204, None
