"""Volumes that several services of one host share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command
import pulumi_docker as docker

from components.host import DELIVER
from homeport.model import names
from homeport.render.bundle import bundle, roots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.service import Volume


@dataclass(frozen=True, kw_only=True)
class SharedVolumesArgs:
    """Which volumes to make, and with which image's help (its id, to wait for, and its name) they are prepared."""

    host: Host
    volumes: Mapping[str, Volume]
    image: pulumi.Input[str]
    reference: str


class SharedVolumes(pulumi.ComponentResource):
    """Shared volumes, with owner, mode and folders as declared.

    Attributes:
        names: The blueprint's name of a volume to its name in Docker, known once the volume is prepared.
    """

    names: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: SharedVolumesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:SharedVolumes", name, None, opts)
        self.names = {}
        carrier = pulumi.Output.from_input(args.image).apply(lambda _: args.reference)
        for key, volume in sorted(args.volumes.items()):
            resource = docker.Volume(
                f"{name}-{key}",
                name=names.shared_volume(args.host.namespace, key),
                labels=[
                    docker.VolumeLabelArgs(label=label, value=value)
                    for label, value in sorted(args.host.labels(volume=key).items())
                ],
                opts=pulumi.ResourceOptions(parent=self),
            )
            prepared = command.local.Command(
                f"{name}-{key}-prepared",
                create=pulumi.Output.format("{0} {1} {2}", DELIVER, resource.name, carrier),
                stdin=bundle(roots(volume.owner, volume.mode, volume.folders)),
                environment=dict(args.host.environment),
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.names[key] = pulumi.Output.all(resource.name, prepared.id).apply(lambda both: str(both[0]))
        self.register_outputs({"names": self.names})
