"""The hosts of a stack: this machine, one that runs already, or a rented server; each with what services on it need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.images import Images, ImagesArgs
from components.networks import Networks, NetworksArgs
from components.volumes import SharedVolumes, SharedVolumesArgs
from homeport.model import names
from homeport.stack.machines import Machine, this_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.host import Host
    from homeport.plan.hosts import HostPlan
    from homeport.stack.providers import Providers


@dataclass(frozen=True, kw_only=True)
class HostResources:
    """A host and everything that a service on it needs.

    Attributes:
        machine: The machine itself.
        images: Name of a service, or of a tool, to the id of its image.
        networks: Network name to its name in Docker.
        network_ids: Network name to its id there.
        shared_volumes: Name of a shared volume to its name in Docker.
    """

    machine: Machine
    images: Mapping[str, pulumi.Output[str]]
    networks: Mapping[str, pulumi.Output[str]]
    network_ids: Mapping[str, pulumi.Output[str]]
    shared_volumes: Mapping[str, pulumi.Output[str]]

    @property
    def host(self) -> Host:
        """Its handle."""
        return self.machine.host

    @property
    def opts(self) -> pulumi.ResourceOptions:
        """Its providers."""
        return self.machine.opts


def host_resources(host: HostPlan, providers: Providers, secrets: Mapping[str, pulumi.Output[str]]) -> HostResources:
    """One host, from the machine up to its Docker networks and shared volumes."""
    if host.machine.mode == "local":
        machine = this_machine(host, providers)
    else:
        from homeport.stack.remote import remote_machine  # noqa: PLC0415  # a stack on this machine pays for no cloud

        machine = remote_machine(host, providers, secrets)
    of_images = ImagesArgs(host=machine.host, references=host.images, builds=host.builds, after=machine.ready)
    images = Images(names.host_part(host.name, "images"), of_images, machine.opts).ids
    args = NetworksArgs(host=machine.host, networks=host.networks)
    networks = Networks(names.host_part(host.name, "networks"), args, machine.opts)
    return HostResources(
        machine=machine,
        images=images,
        networks=networks.names,
        network_ids=networks.ids,
        shared_volumes=_shared_volumes(host, machine, images),
    )


def _shared_volumes(
    host: HostPlan, machine: Machine, images: Mapping[str, pulumi.Output[str]]
) -> Mapping[str, pulumi.Output[str]]:
    if not host.shared_volumes:
        return {}
    # Any image will do to prepare them with.
    first = host.services[0]
    args = SharedVolumesArgs(
        host=machine.host,
        volumes=host.shared_volumes,
        image=images[first.name],
        reference=first.image,
        tools={volume.tool: images[volume.tool] for volume in host.shared_volumes.values() if volume.tool},
        references=host.images,
        protect=host.protect,
    )
    return SharedVolumes(names.host_part(host.name, "volumes"), args, machine.opts).names
