"""One service on one host: its volumes, its files, its container, and the gate that waits for health."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pulumi
import pulumi_command as command
import pulumi_docker as docker

from components import data_folder
from components.container import arguments
from components.host import DELIVER, DEPLOYED, GATE
from homeport.model import names
from homeport.render.bundle import bundle, fingerprint, roots
from homeport.render.files import first_routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.container import ContainerSpec
    from homeport.model.service import Service, Volume
    from homeport.render.files import ServiceFiles


@dataclass(frozen=True, kw_only=True)
class WorkloadArgs:
    """What a service needs from the other layers.

    Attributes:
        host: Where it runs.
        service: The service.
        spec: Its container.
        image: Id of its image.
        reference: Its name; the image id is not known in a preview, so a label with the name shows a change
            (pulumi-docker#293).
        files: Its files.
        networks: The network's name in Docker to that name, known once the network is there.
        shared_volumes: The blueprint's name to the name in Docker.
        secrets: Values of the secrets that its files hold.
        key: Keys the fingerprints of bundles, and the salts of hashes.
        protect: True: data volumes are protected and retained.
        after: Resources that must be there first: the gates of the services it needs, its databases.
    """

    host: Host
    service: Service
    spec: ContainerSpec
    image: pulumi.Input[str]
    reference: str
    files: ServiceFiles
    networks: Mapping[str, pulumi.Input[str]]
    shared_volumes: Mapping[str, pulumi.Input[str]]
    secrets: Mapping[str, pulumi.Output[str]]
    key: pulumi.Output[str]
    protect: bool
    after: tuple[pulumi.Resource, ...]


class Workload(pulumi.ComponentResource):
    """A container that is healthy before anything that needs it is created.

    Attributes:
        container: Its name in Docker.
        container_id: Its id.
        files_volume: Name in Docker of the volume with its files; None: it has none.
        ready: The resource to depend on: it exists once the container is healthy.
    """

    container: pulumi.Output[str]
    container_id: pulumi.Output[str]
    files_volume: pulumi.Output[str] | None
    ready: pulumi.Resource

    def __init__(self, name: str, args: WorkloadArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:Workload", name, None, opts)
        self._name, self._args = name, args
        self._carrier = pulumi.Output.from_input(args.image).apply(lambda _: args.reference)
        volumes, before = self._volumes()
        self.files_volume = None
        if any(mount.kind == "files" for mount in args.spec.mounts):
            self.files_volume, delivered = self._routes() if args.service.edge else self._files()
            volumes[""] = self.files_volume
            before.append(delivered)
        inputs = arguments(args.host, args.spec, volumes, args.networks)
        container = docker.Container(
            f"{name}-container",
            **(inputs if not args.service.deployed else self._template(volumes)),
            image=args.image,
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*before, *args.after],
                # A fixed name, ports and volumes: two containers cannot hold them at once.
                delete_before_replace=True,
            ),
        )
        self.container, self.container_id = container.name, container.id
        live: list[pulumi.Resource] = [container]
        if args.service.deployed:
            live.append(self._live(container))
            self.container = pulumi.Output.from_input(args.spec.name)
        self.ready = self._gate(live)
        self.register_outputs({"container": self.container, "containerId": self.container_id})

    def _template(self, volumes: Mapping[str, pulumi.Input[str]]) -> dict[str, Any]:
        """A container that is never started: what apps/deployments copies, under the image that is live."""
        args = self._args
        labels = {"template": args.spec.name, "pids": str(args.spec.pids), "gate": str(self._seconds())}
        # The provider changes these in place, which is no other template: the copy would keep its own.
        labels["limits"] = f"{args.spec.memory} {args.spec.cpus} {args.spec.restart}"
        spec = replace(
            args.spec,
            name=names.template(args.spec.name),
            labels={**args.spec.labels, **labels, "image": args.reference},
        )
        return arguments(args.host, spec, volumes, args.networks) | {"start": False, "must_run": False}

    def _live(self, template: docker.Container) -> pulumi.Resource:
        live: pulumi.Resource = command.local.Command(
            f"{self._name}-live",
            create=f"{DEPLOYED} apply {self._args.spec.name}",
            # Before the template goes, and what it mounts.
            delete=f"{DEPLOYED} end {self._args.spec.name}",
            # No trigger: another template is an update of this, which runs it again; a replacement would end it.
            environment={**self._args.host.environment, "HOMEPORT_TEMPLATE": template.id},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[template], delete_before_replace=True),
        )
        return live

    def _volumes(self) -> tuple[dict[str, pulumi.Input[str]], list[pulumi.Resource]]:
        """The volumes that the service mounts, by name in Docker, and what has to be done before it starts."""
        args, prepared = self._args, list[pulumi.Resource]()
        volumes = {names.shared_volume(args.host.namespace, key): volume for key, volume in args.shared_volumes.items()}
        for key, volume in sorted(args.service.volumes.items()):
            if volume.shared is not None:
                continue
            own = self._volume(key, volume)
            volumes[names.volume(args.host.namespace, args.service.name, key, volume.name)] = own.name
            if volume.owner is not None:
                content = bundle(roots(volume.owner, volume.mode, volume.folders))
                prepared.append(self._deliver(f"{key}-prepared", own.name, content, own))
        return volumes, prepared

    def _volume(self, key: str, volume: Volume) -> docker.Volume:
        return _own_volume(self, self._name, self._args, (key, volume))

    def _files(self) -> tuple[pulumi.Output[str], pulumi.Resource]:
        """A volume named after its content: the running container keeps the old files until it is replaced."""
        args = self._args
        secrets = pulumi.Output.all(**{name: args.secrets[name] for name in args.files.secrets})
        text = pulumi.Output.all(secrets, args.key).apply(lambda both: bundle(args.files.entries(*both)))
        mark = pulumi.Output.unsecret(pulumi.Output.all(text, args.key).apply(lambda both: fingerprint(*both)))
        volume = docker.Volume(
            # A service may have a volume called files itself.
            f"{self._name}-files" if "files" not in args.service.volumes else f"{self._name}-own-files",
            name=pulumi.Output.concat(names.volume(args.host.namespace, args.service.name, "files-"), mark),
            labels=_volume_labels(args.host.labels(service=args.service.name, data="false")),
            opts=pulumi.ResourceOptions(parent=self),
        )
        return volume.name, self._deliver("files-delivered", volume.name, pulumi.Output.secret(text), volume)

    def _routes(self) -> tuple[pulumi.Output[str], pulumi.Resource]:
        """A volume that stays when its content changes: components/routes.py lays the routes into it.

        A container needs something to start with, the first time alone: what is there now runs, and is left.
        """
        args = self._args
        volume = docker.Volume(
            f"{self._name}-routes",
            name=names.volume(args.host.namespace, args.service.name, "routes"),
            labels=_volume_labels(args.host.labels(service=args.service.name, data="false")),
            opts=pulumi.ResourceOptions(parent=self),
        )
        ignored = ("create", "stdin", "environment")
        return volume.name, self._deliver("routes-prepared", volume.name, first_routes(args.service), volume, ignored)

    def _deliver(
        self,
        part: str,
        volume: pulumi.Input[str],
        content: pulumi.Input[str],
        after: docker.Volume,
        ignored: tuple[str, ...] = (),
    ) -> pulumi.Resource:
        delivered: pulumi.Resource = command.local.Command(
            f"{self._name}-{part}",
            # By name, though it waits for the image: another build of an image is no reason to deliver again.
            create=pulumi.Output.format("{0} {1} {2}", DELIVER, volume, self._carrier),
            stdin=content,
            environment=dict(self._args.host.environment),
            # A volume made anew under its old name is empty: its content has to be delivered again.
            triggers=[after.id, volume],
            opts=pulumi.ResourceOptions(parent=self, ignore_changes=list(ignored) or None),
        )
        return delivered

    def _seconds(self) -> int:
        """How long the service may take to get healthy."""
        health = self._args.service.health
        return health.gate if health else 30

    def _gate(self, live: list[pulumi.Resource]) -> pulumi.Resource:
        service = self._args.service
        seconds = f"{self._seconds()}{' runs' if service.schedule else ''}"
        # A proxy has read its routes before it starts with them, and gets them after this.
        secrets = () if service.edge else self._args.files.secrets
        # Secret, because its parts are.
        masks = pulumi.Output.all(*[self._args.secrets[name] for name in secrets]).apply(_lines)
        gate: pulumi.Resource = command.local.Command(
            f"{self._name}-healthy",
            create=pulumi.Output.format("{0} {1} {2} {3}", GATE, self.container, str(self._args.spec.pids), seconds),
            stdin=masks if secrets else "",
            environment=dict(self._args.host.environment),
            triggers=[self.container_id],
            opts=pulumi.ResourceOptions(parent=self, depends_on=live),
        )
        return gate


@dataclass(frozen=True, kw_only=True)
class AtRestArgs:
    """A service that is off: where it ran, and whether its data is protected."""

    host: Host
    service: Service
    protect: bool


class AtRest(pulumi.ComponentResource):
    """What is kept of a service that is off: its data volumes, under the identity that they have while it runs."""

    def __init__(self, name: str, args: AtRestArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:Workload", name, None, opts)
        for key, volume in sorted(args.service.volumes.items()):
            if volume.data and volume.shared is None:
                _own_volume(self, name, args, (key, volume))
        self.register_outputs({})


def _own_volume(
    parent: pulumi.Resource, name: str, args: WorkloadArgs | AtRestArgs, keyed: tuple[str, Volume]
) -> docker.Volume:
    host, service, (key, volume) = args.host, args.service, keyed
    keep = args.protect and volume.data
    place, before = data_folder.placed(f"{name}-{key}", host, volume.folder, parent, keep=keep)
    return docker.Volume(
        f"{name}-{key}",
        name=names.volume(host.namespace, service.name, key, volume.name),
        labels=_volume_labels(host.labels(service=service.name, data=str(volume.data).lower())),
        **place,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=list(before), protect=keep, retain_on_delete=keep),
    )


def _volume_labels(labels: Mapping[str, str]) -> list[docker.VolumeLabelArgs]:
    return [docker.VolumeLabelArgs(label=label, value=value) for label, value in sorted(labels.items())]


def _lines(values: list[str]) -> str:
    return "\n".join(values)
