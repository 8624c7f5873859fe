"""One container as Docker takes it, made of a service and its blueprint: the whole of what every adapter has to say.

The Pulumi component (``components/container.py``), the compose file (``homeport/render/export/compose.py``) and the
benchmark's playbook (``bench/playbook.py``) put these values into their own words, and add nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from homeport.model import names, template
from homeport.model.mesh import RESOLVER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Health, PublishedPort, Service


HOST_NAME = "host.docker.internal"
"""By which a container finds its host, as on Docker Desktop."""
HOST_GATEWAY = "host-gateway"
"""What Docker 20.10 and later take for the host's address on Docker's own bridge (docker run --add-host)."""


@dataclass(frozen=True, kw_only=True)
class Mount:
    """What appears at a path of the container.

    Attributes:
        kind: ``volume``: a named volume. ``bind``: a path of the host. ``files``: the service's own files, which each
            adapter delivers in its own way.
        source: The volume's name in Docker or the host's path; empty for ``files``.
        target: The path in the container.
        read_only: Whether the container may not write.
    """

    kind: Literal["volume", "bind", "files"]
    source: str
    target: str
    read_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Ulimit:
    """A limit of setrlimit(2), soft and hard."""

    name: str
    soft: int
    hard: int


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The health check, durations as Go writes them: Docker's provider compares these as text."""

    test: tuple[str, ...]
    interval: str
    timeout: str
    start_period: str
    retries: int


@dataclass(frozen=True, kw_only=True)
class ContainerSpec:
    """One container, secure by default: no root, nothing to write to but what is mounted, only listed capabilities.

    Attributes:
        service: The service's name.
        name: The container's name in Docker.
        hostname: Its host name, under which it answers on its networks as well.
        image: Repository and tag.
        entrypoint: Replaces the image's; empty: the image's own.
        command: Replaces the image's; empty: the image's own.
        env: Environment, sorted by name; never a secret.
        user: uid and gid.
        groups: Further group ids.
        read_only: Whether the root is read-only.
        security_options: As ``docker run --security-opt`` takes them.
        capabilities_dropped: Capabilities taken away.
        capabilities_added: Capabilities kept, each with ``CAP_``, sorted.
        tmpfs: Path to mount options.
        shm_size: Size of ``/dev/shm`` in MB; None: Docker's 64.
        ipc: Whose IPC namespace it has.
        init: Whether Docker's own init is process 1 and buries orphans.
        memory: MB; swap is as large, which means none.
        cpus: CPUs, as a decimal number.
        pids: Processes and threads.
        ulimits: Core files and open files.
        restart: Restart policy.
        log_driver: Where its output goes.
        log_options: Size and number of log files.
        probe: The health check; None: there is none.
        grace: Seconds between the stop signal and the kill.
        stop_signal: None: the image's own.
        mounts: Volumes, then paths of the host, then the service's own files.
        networks: Names in Docker, the main one first; empty: no network at all.
        joined: Networks of other stacks, by their names in Docker, that it is on besides.
        address: Its fixed address on the main network; empty: Docker gives it one.
        later_networks: Those of them that it is connected to once it runs.
        ports: Published ports, sorted.
        host_network: Whether it runs in the host's own network: on none of Docker's, and nothing is published.
        resolvers: Addresses of the name servers that it asks; empty: the host's.
        extra_hosts: Names that it finds besides those on its networks, to an address as Docker takes it.
        needs: Services that must be healthy before it starts, sorted.
        labels: ``service``, ``image`` and ``spec``, without a prefix; ``spec`` changes with what Docker's provider
            would update without any effect (health check, tmpfs, pids), so that a change of these replaces the
            container.
        compose_labels: By which compose knows it as a container of a folder's project (``Checkout``), in full.
    """

    service: str
    name: str
    hostname: str
    image: str
    entrypoint: tuple[str, ...]
    command: tuple[str, ...]
    env: Mapping[str, str]
    user: str
    groups: tuple[str, ...]
    read_only: bool
    security_options: tuple[str, ...] = ("no-new-privileges:true",)
    capabilities_dropped: tuple[str, ...] = ("ALL",)
    capabilities_added: tuple[str, ...]
    tmpfs: Mapping[str, str]
    shm_size: int | None
    ipc: str = "private"
    init: bool = True
    memory: int
    cpus: str
    pids: int
    ulimits: tuple[Ulimit, ...]
    restart: str
    log_driver: str = "json-file"
    log_options: Mapping[str, str]
    probe: Probe | None
    grace: int
    stop_signal: str | None
    mounts: tuple[Mount, ...]
    networks: tuple[str, ...]
    joined: tuple[str, ...] = ()
    address: str = ""
    later_networks: tuple[str, ...] = ()
    ports: tuple[PublishedPort, ...]
    host_network: bool = False
    resolvers: tuple[str, ...] = ()
    extra_hosts: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    needs: tuple[str, ...]
    labels: Mapping[str, str]
    compose_labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def attached(self) -> tuple[str, ...]:
        """All networks that it is on, the main one first."""
        return (*self.networks, *self.joined)

    @property
    def written_volumes(self) -> tuple[str, ...]:
        """The volumes that it may write to, by their names in Docker, sorted."""
        return tuple(sorted(mount.source for mount in self.mounts if mount.kind == "volume" and not mount.read_only))

    @property
    def seen_networks(self) -> tuple[str, ...]:
        """The networks that Docker shows it on once it runs, sorted."""
        return ("host",) if self.host_network else tuple(sorted(self.attached))

    @property
    def network_mode(self) -> str:
        """What Docker calls its network: that of the host, its main one, or none at all."""
        return "host" if self.host_network else next(iter(self.attached), "none")


def container_spec(blueprint: Blueprint, service: Service) -> ContainerSpec:
    """The container of a service in a blueprint."""
    limits, texts = service.limits, blueprint.texts()
    return ContainerSpec(
        service=service.name,
        name=names.physical(blueprint.namespace, service.name),
        hostname=service.name,
        image=service.image,
        entrypoint=service.entrypoint,
        command=service.command,
        env={key: template.fill(value, texts, template.TEXT) for key, value in sorted(service.env.items())},
        user=service.user,
        groups=tuple(str(group) for group in service.groups),
        read_only="writable_root" not in service.waivers,
        capabilities_added=tuple(sorted(service.capabilities)),
        tmpfs=dict(service.tmpfs),
        shm_size=limits.share(service.dev_shm) if service.dev_shm else None,
        memory=limits.memory,
        cpus=limits.cpus,
        pids=limits.pids,
        ulimits=(Ulimit(name="core", soft=0, hard=0), Ulimit(name="nofile", soft=limits.nofile, hard=limits.nofile)),
        restart=service.restart,
        log_options={"max-size": "10m", "max-file": "3"},
        probe=_probe(service.health) if service.health else None,
        grace=service.grace,
        stop_signal=service.stop_signal,
        mounts=_mounts(blueprint, service),
        networks=tuple(names.physical(blueprint.namespace, network) for network in service.networks),
        joined=tuple(sorted(name for name, services in blueprint.joined.items() if service.name in services)),
        address=blueprint.address(service),
        later_networks=tuple(names.physical(blueprint.namespace, network) for network in service.later_networks),
        ports=() if service.host_network else tuple(sorted(blueprint.published(service))),
        host_network=service.host_network,
        resolvers=(RESOLVER,) if blueprint.resolves_mesh(service) else (),
        extra_hosts={HOST_NAME: HOST_GATEWAY} if service.host_gateway else {},
        needs=tuple(sorted(service.needs)),
        labels={"service": service.name, "image": service.image, "spec": _fingerprint(service)},
        compose_labels=_compose_labels(blueprint, service),
    )


def _compose_labels(blueprint: Blueprint, service: Service) -> dict[str, str]:
    """As compose gives them to what it makes itself (docker/compose, pkg/api/labels.go).

    The hash is nobody's: by it compose knows that the container is not of its own making, and makes it anew when it is
    told to start it.
    """
    checkout = blueprint.checkout
    if checkout is None:
        return {}
    folder = checkout.folder(service.name)
    place = f"{template.fill(checkout.path, blueprint.texts(), template.TEXT)}/docker-compose/{folder}"
    labels = {
        "project": folder,
        "service": service.name,
        "container-number": "1",
        "oneoff": "False",
        "config-hash": "homeport",
        "project.working_dir": place,
        "project.config_files": f"{place}/docker-compose.yml",
    }
    return {f"com.docker.compose.{name}": value for name, value in labels.items()}


def own_volumes(blueprint: Blueprint, service: Service) -> dict[str, str]:
    """The volumes that a service does not share: its name for each to the name in Docker."""
    return {
        key: names.volume(blueprint.namespace, service.name, key, volume.name)
        for key, volume in sorted(service.volumes.items())
        if volume.shared is None
    }


def _mounts(blueprint: Blueprint, service: Service) -> tuple[Mount, ...]:
    own = own_volumes(blueprint, service)
    volumes = [
        Mount(
            kind="volume",
            source=names.shared_volume(blueprint.namespace, volume.shared) if volume.shared else own[key],
            target=volume.path,
            read_only=volume.read_only,
        )
        for key, volume in sorted(service.volumes.items())
    ]
    binds = [
        Mount(kind="bind", source=bind.source, target=bind.path, read_only=bind.read_only)
        for _, bind in sorted(service.binds.items())
    ]
    # The edge proxy's files are rendered from the routes, the mesh's control server's from the mesh.
    control = blueprint.mesh is not None and blueprint.mesh.control == service.name
    has_files = service.files or service.secret_files or service.edge or control
    files = [Mount(kind="files", source="", target=service.files_at, read_only=True)] if has_files else []
    return (*volumes, *binds, *files)


def _probe(health: Health) -> Probe:
    return Probe(
        test=("CMD", *health.test),
        interval=names.duration(health.interval),
        timeout=names.duration(health.timeout),
        start_period=names.duration(health.start_period),
        retries=health.retries,
    )


def _fingerprint(service: Service) -> str:
    health = asdict(service.health) if service.health else None
    text = repr((health, sorted(service.tmpfs.items()), service.limits.pids))
    return hashlib.sha256(text.encode()).hexdigest()[:12]
