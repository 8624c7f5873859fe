"""Volumes that several services of one host share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_command as command
import pulumi_docker as docker

from components import data_folder
from components.host import DELIVER, PROGRAM
from homeport.model import names
from homeport.render.bundle import bundle, roots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.service import Volume


@dataclass(frozen=True, kw_only=True)
class SharedVolumesArgs:
    """Which volumes to make, and with which image's help (its id, to wait for, and its name) they are prepared.

    Attributes:
        host: Where.
        volumes: By the blueprint's name.
        image: Id of an image, to wait for it.
        reference: That image's name.
        tools: Name of a tool whose program is laid into a volume, to the id of its image.
        references: The same to its image's name.
        protect: True: what holds data stays in Docker when it leaves the stack.
    """

    host: Host
    volumes: Mapping[str, Volume]
    image: pulumi.Input[str]
    reference: str
    tools: Mapping[str, pulumi.Input[str]]
    references: Mapping[str, str]
    protect: bool


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
            keep = args.protect and volume.data and not volume.tool
            place, before = data_folder.placed(f"{name}-{key}", args.host, volume.folder, self, keep=keep)
            resource = docker.Volume(
                f"{name}-{key}",
                name=names.shared_volume(args.host.namespace, key),
                labels=[
                    docker.VolumeLabelArgs(label=label, value=value)
                    for label, value in sorted(args.host.labels(volume=key, **_kept(volume)).items())
                ],
                **place,
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(before), retain_on_delete=keep),
            )
            prepared = command.local.Command(
                f"{name}-{key}-prepared",
                **self._prepared(args, volume, resource, carrier),
                environment=dict(args.host.environment),
                opts=pulumi.ResourceOptions(parent=self),
            )
            self.names[key] = pulumi.Output.all(resource.name, prepared.id).apply(lambda both: str(both[0]))
        self.register_outputs({"names": self.names})

    def _prepared(
        self, args: SharedVolumesArgs, volume: Volume, resource: docker.Volume, carrier: pulumi.Output[str]
    ) -> dict[str, Any]:
        if not volume.tool:
            create = pulumi.Output.format("{0} {1} {2}", DELIVER, resource.name, carrier)
            return {"create": create, "stdin": bundle(roots(volume.owner, volume.mode, volume.folders))}
        # By name, though it waits for the image; a volume made anew under its old name is empty.
        image = pulumi.Output.from_input(args.tools[volume.tool]).apply(lambda _: args.references[volume.tool])
        create = pulumi.Output.format("{0} {1} {2} {3}", PROGRAM, resource.name, image, volume.program)
        return {"create": create, "triggers": [resource.id]}


def _kept(volume: Volume) -> dict[str, str]:
    """What a program is laid into holds nobody's data; of others nothing is said, for they may."""
    return {"data": "false"} if volume.tool else {}
