"""A host and everything that a service on it needs: its providers, images, networks and shared volumes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.images import Images, ImagesArgs
from components.networks import Networks, NetworksArgs
from components.volumes import SharedVolumes, SharedVolumesArgs
from homeport.model import names

if TYPE_CHECKING:
    import pulumi

    from components.host import Host
    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service


class Site:
    """One host in the graph.

    Attributes:
        host: Its handle.
        opts: Its providers.
        images: Service name to image id.
        networks: Network name to its name in Docker.
        shared: Name of a shared volume to its name in Docker.
        exports: Address and SSH, where it is not this machine.
        client_configs: Members' configurations, where the VPN ends on it.
    """

    exports: dict[str, pulumi.Output[str]]
    client_configs: dict[str, pulumi.Output[str]]

    def __init__(self, host: Host, opts: pulumi.ResourceOptions, blueprint: Blueprint) -> None:
        self.host, self.opts = host, opts
        self.exports, self.client_configs = {}, {}
        services = [one for one in blueprint.services if blueprint.homes[one.name] == host.name]
        references = {service.name: service.image for service in services}
        if host.name == blueprint.door_host:
            references |= blueprint.tools
        self.images = Images(names.host_part(host.name, "images"), ImagesArgs(references=references), opts).ids
        used = {name for service in services for name in service.networks}
        networks = tuple(network for network in blueprint.networks if network.name in used)
        self.networks = Networks(
            names.host_part(host.name, "networks"), NetworksArgs(host=host, networks=networks), opts
        ).names
        self.shared = self._shared(blueprint, services)

    def _shared(self, blueprint: Blueprint, services: list[Service]) -> dict[str, pulumi.Output[str]]:
        used = {volume.shared for service in services for volume in service.volumes.values() if volume.shared}
        if not used:
            return {}
        first = services[0]
        args = SharedVolumesArgs(
            host=self.host,
            volumes={name: volume for name, volume in blueprint.shared_volumes.items() if name in used},
            image=self.images[first.name],
            reference=first.image,
        )
        return SharedVolumes(names.host_part(self.host.name, "volumes"), args, self.opts).names
