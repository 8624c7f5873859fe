"""A service as a value: everything that the program must know of one container, its routes left out.

The defaults are the secure ones (reliability figures in ``docs/architecture.md``); weakening one is a field with a
reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal, get_args

from homeport.model import template

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.network import Protocol
    from homeport.model.secret import SecretSpec
    from homeport.model.template import Syntax

NOBODY = 10001
"""The uid and gid of a service whose image names no better one."""
ALLOWED_CAPABILITIES = frozenset(
    f"CAP_{name}" for name in ("CHOWN", "SETUID", "SETGID", "DAC_OVERRIDE", "FOWNER", "NET_BIND_SERVICE")
)
"""The rights of root that a container may keep, each with a reason."""


@dataclass(frozen=True, kw_only=True)
class Health:
    """How Docker finds out whether the container works.

    Attributes:
        test: The command, exec form; its program must exist in the image.
        interval: Seconds between two probes.
        timeout: Seconds that one probe may take.
        start_period: Seconds in which a failing probe does not count.
        retries: Failures in a row that make the container unhealthy.
        gate: Seconds that an update waits for health before it fails.
    """

    test: tuple[str, ...]
    interval: int = 10
    timeout: int = 5
    start_period: int = 30
    retries: int = 3
    gate: int = 120


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What one container may use.

    Attributes:
        memory: MB; swap is off.
        cpus: CPUs, as a decimal number.
        pids: Processes and threads.
        nofile: Open files.
        least: MB without which the software does not work; a lower limit is refused.
        sized_for: MB that the sizes in its files are written for; 0: its memory, for nobody chose another.
    """

    memory: int
    cpus: str = "1.0"
    pids: int = 256
    nofile: int = 4096
    least: int = 16
    sized_for: int = 0

    def share(self, size: int) -> int:
        """A size that is written for ``sized_for`` as it is for the memory that there is."""
        return size * self.memory // (self.sized_for or self.memory)


@dataclass(frozen=True, kw_only=True)
class StaticFile:
    """A file of the checkout, handed to the container read-only.

    Attributes:
        source: Path below the project root, in the folder of the service or of the preset, or below ``apps/``; with
            ``*`` in it, all files that it matches; ``**`` stands for any folders.
        target: Path below the service's ``files_at``; with ``*`` in the source, the folder for the files (``.``:
            itself), and they are below it as they are below the folder before the first ``*``.
        mode: Permission bits; the owner is the service's user.
        sizes: Settings in it that grow and shrink with the service's memory: each a word at the start of a line, with a
            size in ``kB``, ``MB`` or ``GB`` behind it.
        each: What reads the content; then there is one such file for each container that runs all the time, on
            whichever host of the stack. In target and content ``{service}`` stands for that one's name, ``{mark}`` for
            twelve hexadecimal digits of its own. None: one file, as it is.
    """

    source: str
    target: str
    mode: int = 0o444
    sizes: tuple[str, ...] = ()
    each: Syntax | None = None


@dataclass(frozen=True, kw_only=True)
class SecretFile:
    """A file that holds secrets, mode 0400, owned by the service's user.

    Attributes:
        target: Path below the service's ``files_at``.
        template: Text in which ``{name}`` stands for the secret of that name; other braces are left alone.
        syntax: What reads the text, and so how a secret is written into it.
    """

    target: str
    template: str
    syntax: Syntax
    mode: int = 0o400

    @property
    def secrets(self) -> tuple[str, ...]:
        """The names of the secrets that the template needs, in order."""
        return template.names(self.template)


@dataclass(frozen=True, kw_only=True)
class Volume:
    """A named volume of a service.

    Attributes:
        path: Where it is mounted.
        data: True if losing it loses what users made: protected where the environment says so.
        owner: uid and gid of its root folder, or None to leave what the image made.
        mode: Permission bits of its root folder.
        folders: Folders made below its root with the same owner and mode.
        shared: Name of a volume of the blueprint that several services mount; None: the service's own.
        name: Its name in Docker, where users know it by one; empty: ``<service>-<name here>``.
        read_only: Whether the service may not write to it.
        tool: Of a volume of the blueprint: the one of its tools (``Blueprint.tools``) whose program is laid into it.
        program: That program's path in the tool's image.
        folder: Absolute path of the folder on the host that it is; empty: Docker has a place for it.
    """

    path: str
    data: bool = True
    owner: tuple[int, int] | None = None
    mode: int = 0o700
    folders: tuple[str, ...] = ()
    shared: str | None = None
    name: str = ""
    read_only: bool = False
    tool: str = ""
    program: str = ""
    folder: str = ""


PortPlace = Literal["edge", "vpn", "here", "mesh"]
PORT_PLACES: tuple[PortPlace, ...] = get_args(PortPlace)


@dataclass(frozen=True, kw_only=True)
class Port:
    """A published port; only an edge proxy or a VPN endpoint may publish on a public address.

    Attributes:
        name: Of the edge's ports (``http`` or ``https``), whose number comes from the settings; else what it is for.
        inside: The port in the container.
        protocol: ``tcp`` or ``udp``.
        at: ``edge``: on the edge's address. ``vpn``: on the host's address in the VPN, for its members only; on a local
            host the loopback address takes its place. ``here``: on the loopback address. ``mesh``: on the edge's
            address, for whoever wants to be a member; not published without a mesh.
        outside: The number on the host, where it is not at the edge.
    """

    name: str
    inside: int
    protocol: Protocol = "tcp"
    at: PortPlace = "edge"
    outside: int = 0


@dataclass(frozen=True, order=True, kw_only=True)
class PublishedPort:
    """A port as one stack publishes it.

    Attributes:
        inside: The port in the container.
        outside: The number on the host.
        address: The host's address that it listens on.
        protocol: ``tcp`` or ``udp``.
    """

    inside: int
    outside: int
    address: str
    protocol: Protocol

    @property
    def binding(self) -> str:
        """As a person reads it: ``127.0.0.1:8443->443/tcp``."""
        return f"{self.address}:{self.outside}->{self.inside}/{self.protocol}"


@dataclass(frozen=True, kw_only=True)
class Bind:
    """A path of the host in a container: a weakness, so it has a reason.

    Attributes:
        source: Absolute path on the host.
        path: Where it appears.
        reason: Why no volume will do.
        read_only: Whether the container may not write; a socket takes requests in any case.
    """

    source: str
    path: str
    reason: str
    read_only: bool = True


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a running container is asked before an update removes anything: whether what it stores fits the settings.

    Attributes:
        command: A program that reads a script from its standard input and runs it, with the new environment.
        source: The script, below the project root. It changes nothing, and prints a line for each problem: where, what
            and fix, separated by tabs, ``{stack}`` in it being the stack's name.
    """

    command: tuple[str, ...]
    source: str


@dataclass(frozen=True, kw_only=True)
class Build:
    """An image of our own: built on the host that needs it, where that has none of its name (docs/adr/0018).

    Attributes:
        folder: Below the project root. It has a ``Dockerfile`` that needs no network, whose ``ARG RUNTIME`` names the
            image with everything else that it needs, and a ``runtime.Dockerfile`` for that.
        registry: The route of the registry that deployments push it to; its host name begins the image's name.
    """

    folder: str
    registry: str


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """What the software's own sign-in page asks for.

    Attributes:
        user: The name; ``{setting}`` is filled in.
        secret: The name of the secret that is the password.
    """

    user: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class Service:
    """One container.

    Attributes:
        name: The container's name, and its host name on its networks.
        image: Repository and tag as upstream spells them; the stack's lock adds the digest
            (homeport/plan/image_lock.py).
        purpose: One sentence for tables and the runbook.
        limits: Memory, CPUs, processes.
        networks: Names of networks of the blueprint; the first is the main one. Empty: no network at all, or the
            host's.
        later_networks: Those of them that it is connected to while it runs: they come and go, and the container stays.
        health: The probe; None needs ``waivers["health"]``.
        uid: The user that the container runs as; 0 needs ``waivers["root"]``.
        gid: Its group, where that is another number than the user's.
        groups: Further group ids.
        command: Arguments after the image's entry point.
        entrypoint: Replaces the image's entry point.
        env: Environment; never a secret. ``{host:ROUTE}`` and ``{origin:ROUTE}`` stand for a route's names,
            ``{setting}`` for a setting.
        files: Static files below ``files_at``.
        secret_files: Files with secrets below ``files_at``.
        files_at: Where both appear in the container, read-only.
        volumes: By a name that is unique in the service.
        tmpfs: Path to mount options.
        capabilities: Capabilities kept, each with its reason.
        host_network: Whether it runs in the host's own network: Docker publishes nothing, and ``ports`` are where its
            program itself listens. Needs ``waivers["host_network"]``.
        host_gateway: Whether it finds the host by the name ``host.docker.internal``: at the address that the host has
            on Docker's own bridge.
        ports: Published ports; those at the edge only with ``edge``.
        edge: True for the proxy that opens the blueprint's routes.
        connector: True for what connects a tunnel to the proxy: it runs only where the internet comes in by a tunnel,
            has the last address of its first network, and no other container there is believed who its caller is.
        needs: Services that must be healthy before this one is created.
        grace: Seconds between the stop signal and the kill.
        stop_signal: None: the image's own.
        dev_shm: Size of ``/dev/shm`` in MB, which grows and shrinks with the memory; None: Docker's 64.
        binds: Paths of the host, by a name that is unique in the service.
        restart: ``unless-stopped``, or ``always``; both come back after a reboot.
        role: The service runs on the host with this role; empty: on the first one.
        waivers: Weakened default to its reason (``root``, ``writable_root``, ``health``, ``host_network``).
        kernel: Settings of the host's kernel that it wants, with their values; on this machine they are left alone.
        major: Regular expression for an image's reference, whose group is the major version that its stored data is of;
            another major than the catalog's is refused, for no other reads that data. Empty: any reads it.
        build: Where its image is built from; ``image`` is then its name without registry and tag. None: it is pulled.
        sign_in: How a person signs in to it; None: it asks nobody, or not by a password of the stack's.
        schedule: When its program runs, as a line of cron, for tables; empty: always.
        secrets: The secrets that it needs; the settings and the plan know them from here.
        before: What it is asked before an update; None: nothing.
        renamed: A name in ``.env`` files of the same software, or of an earlier version, to the config key that took
            its place.
        deployed: Whether deployments put other images of its repository live (``apps/deployments``): ``image`` is then
            the first one, and which one runs is not the stack's (docs/adr/0016).
        set_once: Secrets that it reads at its first start alone: another value is set in the software itself as well.
        troubles: What an operator may see of it that is no plain failure, to why that is and what helps; Markdown.
    """

    name: str
    image: str
    purpose: str
    limits: Limits
    networks: tuple[str, ...] = ()
    health: Health | None = None
    uid: int = NOBODY
    gid: int | None = None
    groups: tuple[int, ...] = ()
    command: tuple[str, ...] = ()
    entrypoint: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    files: tuple[StaticFile, ...] = ()
    secret_files: tuple[SecretFile, ...] = ()
    files_at: str = "/etc/homeport"
    later_networks: tuple[str, ...] = ()
    volumes: Mapping[str, Volume] = field(default_factory=lambda: MappingProxyType({}))
    tmpfs: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    capabilities: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    ports: tuple[Port, ...] = ()
    host_network: bool = False
    host_gateway: bool = False
    edge: bool = False
    connector: bool = False
    needs: tuple[str, ...] = ()
    grace: int = 30
    stop_signal: str | None = None
    dev_shm: int | None = None
    binds: Mapping[str, Bind] = field(default_factory=lambda: MappingProxyType({}))
    restart: str = "unless-stopped"
    role: str = ""
    waivers: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    kernel: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    major: str = ""
    build: Build | None = None
    sign_in: SignIn | None = None
    schedule: str = ""
    secrets: tuple[SecretSpec, ...] = ()
    before: Question | None = None
    renamed: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    deployed: bool = False
    set_once: tuple[str, ...] = ()
    troubles: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def user(self) -> str:
        """Whom the container runs as: user and group."""
        return f"{self.uid}:{self.uid if self.gid is None else self.gid}"

    def data_major(self, image: str) -> str:
        """The major version that data stored by an image is of; empty where any version reads it, or none is named."""
        match = re.search(self.major, image) if self.major else None
        return match[1] if match else ""
