"""Which folder of a host each volume with data is, where a stack keeps all data below one (docs/adr/0021)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from homeport.model import names

if TYPE_CHECKING:
    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service, Volume
    from homeport.settings.schema import Settings


def placed(blueprint: Blueprint, settings: Settings) -> Blueprint:
    """The blueprint with a folder for each volume that holds data; as it is where a host is this machine."""
    root = settings.data_folder
    if root is None or any(host.mode == "local" for host in settings.hosts.values()):
        return blueprint
    space = blueprint.namespace
    shared = {
        name: _in(names.shared_data_folder(root, space, name), volume, volume.owner or (0, 0))
        for name, volume in blueprint.shared_volumes.items()
    }
    services = tuple(_own(service, root, space) for service in blueprint.services)
    return replace(blueprint, services=services, shared_volumes=shared)


def _own(service: Service, root: str, space: str) -> Service:
    user = (service.uid, service.uid if service.gid is None else service.gid)
    volumes = {
        name: _in(names.data_folder(root, space, service.name, name), volume, volume.owner or user)
        for name, volume in service.volumes.items()
    }
    return replace(service, volumes=volumes)


def _in(folder: str, volume: Volume, owner: tuple[int, int]) -> Volume:
    # A folder has its owner from us: Docker gives it none.
    return replace(volume, folder=folder, owner=owner) if volume.data and not (volume.shared or volume.tool) else volume
