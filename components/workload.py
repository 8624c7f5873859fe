"""One service on one host: its volumes, its files, its container, and the gate that waits for health."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command
import pulumi_docker as docker

from components.container import arguments
from components.host import DELIVER, GATE
from homeport.model import names, template
from homeport.render.bundle import Entry, bundle, fingerprint, roots

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.service import PublishedPort, Service, Volume


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """What a service needs from the other layers.

    Attributes:
        host: Where it runs.
        service: The service.
        image: Id of its image.
        reference: Its name; the image id is not known in a preview, so a label with the name shows a change (pulumi-docker#293).
        files: Static and rendered files: path below ``files_at`` to mode and content.
        networks: Names in Docker, the main one first.
        shared_volumes: The blueprint's name to the name in Docker.
        secrets: Values of the secrets that the service's files hold.
        key: Keys the fingerprints of bundles.
        published: Its ports.
        texts: What ``{name}`` in environment values stands for.
        protect: True: data volumes are protected and retained.
        after: Resources that must be there first: the gates of the services it needs, its databases.
    """

    host: Host
    service: Service
    image: pulumi.Input[str]
    reference: str
    files: Mapping[str, tuple[int, bytes]]
    networks: tuple[pulumi.Input[str], ...]
    shared_volumes: Mapping[str, pulumi.Input[str]]
    secrets: Mapping[str, pulumi.Output[str]]
    key: pulumi.Output[str]
    published: tuple[PublishedPort, ...]
    texts: Mapping[str, str]
    protect: bool
    after: tuple[pulumi.Resource, ...]


class Workload(pulumi.ComponentResource):
    """A container that is healthy before anything that needs it is created.

    Attributes:
        container: Its name in Docker.
        container_id: Its id.
        ready: The resource to depend on: it exists once the container is healthy.
    """

    container: pulumi.Output[str]
    container_id: pulumi.Output[str]
    ready: pulumi.Resource

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:Workload", name, None, opts)
        self._name, self._args = name, args
        self._carrier = pulumi.Output.from_input(args.image).apply(lambda _: args.reference)
        service = args.service
        mounts, first = self._volumes()
        if service.files or service.secret_files or args.files:
            mount, delivered = self._files()
            mounts.append(mount)
            first.append(delivered)
        made = docker.Container(
            f"{name}-container",
            **arguments(args.host, service, args.texts),
            image=args.image,
            volumes=mounts,
            network_mode=args.networks[0] if args.networks else "none",
            networks_advanced=[docker.ContainerNetworksAdvancedArgs(name=one) for one in args.networks[1:]] or None,
            ports=[
                docker.ContainerPortArgs(
                    internal=port.inside, external=port.outside, ip=port.address, protocol=port.protocol
                )
                for port in sorted(args.published)
            ]
            or None,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*first, *args.after],
                # A fixed name, ports and volumes: two containers cannot hold them at once.
                delete_before_replace=True,
            ),
        )
        self.container, self.container_id = made.name, made.id
        self.ready = self._gate(made)
        self.register_outputs({"container": self.container, "containerId": self.container_id})

    def _volumes(self) -> tuple[list[docker.ContainerVolumeArgs], list[pulumi.Resource]]:
        mounts: list[docker.ContainerVolumeArgs] = []
        prepared: list[pulumi.Resource] = []
        for key, volume in sorted(self._args.service.volumes.items()):
            if volume.shared is not None:
                where = self._args.shared_volumes[volume.shared]
            else:
                made = self._volume(key, volume)
                where = made.name
                if volume.owner is not None:
                    prepared.append(
                        self._deliver(
                            f"{key}-prepared", where, bundle(roots(volume.owner, volume.mode, volume.folders)), made
                        )
                    )
            mounts.append(docker.ContainerVolumeArgs(volume_name=where, container_path=volume.path))
        mounts += [
            docker.ContainerVolumeArgs(host_path=bind.source, container_path=bind.path, read_only=bind.read_only)
            for _, bind in sorted(self._args.service.binds.items())
        ]
        return mounts, prepared

    def _volume(self, key: str, volume: Volume) -> docker.Volume:
        host, service = self._args.host, self._args.service
        keep = self._args.protect and volume.data
        return docker.Volume(
            f"{self._name}-{key}",
            name=names.volume(host.namespace, service.name, key, volume.name),
            labels=_volume_labels(host.labels(service=service.name, data=str(volume.data).lower())),
            opts=pulumi.ResourceOptions(parent=self, protect=keep, retain_on_delete=keep),
        )

    def _files(self) -> tuple[docker.ContainerVolumeArgs, pulumi.Resource]:
        """A volume named after its content: the running container keeps the old files until it is replaced as a whole."""
        args, service = self._args, self._args.service
        fixed = [
            Entry(path=path, mode=mode, uid=service.uid, gid=service.uid, content=content)
            for path, (mode, content) in sorted(args.files.items())
        ]
        wanted = sorted({secret for file in service.secret_files for secret in file.secrets})

        def packed(values: Mapping[str, str]) -> str:
            filled = [
                Entry(
                    path=file.target,
                    mode=file.mode,
                    uid=service.uid,
                    gid=service.uid,
                    content=template.fill(file.template, values).encode(),
                )
                for file in service.secret_files
            ]
            root = Entry(path=".", mode=0o550, uid=service.uid, gid=service.uid)
            return bundle((root, *fixed, *filled))

        text = pulumi.Output.all(**{secret: args.secrets[secret] for secret in wanted}).apply(packed)
        mark = pulumi.Output.unsecret(pulumi.Output.all(text, args.key).apply(lambda both: fingerprint(*both)))
        made = docker.Volume(
            f"{self._name}-files",
            name=pulumi.Output.concat(names.volume(args.host.namespace, service.name, "files-"), mark),
            labels=_volume_labels(args.host.labels(service=service.name, data="false")),
            opts=pulumi.ResourceOptions(parent=self),
        )
        delivered = self._deliver("files-delivered", made.name, pulumi.Output.secret(text), made)
        mount = docker.ContainerVolumeArgs(volume_name=made.name, container_path=service.files_at, read_only=True)
        return mount, delivered

    def _deliver(
        self, part: str, volume: pulumi.Input[str], content: pulumi.Input[str], after: docker.Volume
    ) -> pulumi.Resource:
        made: pulumi.Resource = command.local.Command(
            f"{self._name}-{part}",
            # By name, though it waits for the image: another build of an image is no reason to deliver again.
            create=pulumi.Output.format("{0} {1} {2}", DELIVER, volume, self._carrier),
            stdin=content,
            environment=dict(self._args.host.environment),
            # A volume made anew under its old name is empty: its content has to be delivered again.
            triggers=[after.id, volume],
            opts=pulumi.ResourceOptions(parent=self),
        )
        return made

    def _gate(self, container: docker.Container) -> pulumi.Resource:
        service = self._args.service
        seconds = service.health.gate if service.health else 30
        wanted = sorted({secret for file in service.secret_files for secret in file.secrets})
        # Secret, because its parts are.
        masks = pulumi.Output.all(*[self._args.secrets[secret] for secret in wanted]).apply(_lines)
        made: pulumi.Resource = command.local.Command(
            f"{self._name}-healthy",
            create=pulumi.Output.format(
                "{0} {1} {2} {3}", GATE, container.name, str(service.limits.pids), str(seconds)
            ),
            stdin=masks if wanted else "",
            environment=dict(self._args.host.environment),
            triggers=[container.id],
            opts=pulumi.ResourceOptions(parent=self, depends_on=[container]),
        )
        return made


def _volume_labels(labels: Mapping[str, str]) -> list[docker.VolumeLabelArgs]:
    return [docker.VolumeLabelArgs(label=label, value=value) for label, value in sorted(labels.items())]


def _lines(values: list[str]) -> str:
    return "\n".join(values)
