"""What the claims expect: one file for each system, and one for each of its services in the folder of that name.

The values are written by hand from a system's description and never taken from its preset: a claim that asked the
preset would share its mistakes. A new service needs one file here and no code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rehearsal.probes.canary import Allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent
_ROOTS_HOME = "/root"


@dataclass(frozen=True, kw_only=True)
class ExpectedService:
    """One container of a system.

    Attributes:
        user: The user and group that it is started as.
        memory: Its limit in MiB.
        cpus: Its limit of processors.
        port: Published at the host's VPN address, and nowhere else; 0 for none.
        root_because: Why its processes may be root's; empty where they may not.
        capabilities: What it has back of the capabilities, which are all dropped.
        read_only: Whether its root is read-only.
        volumes: The named volumes that hold its data.
        docker_socket: Whether it has the Docker socket, read-only.
        health: What Docker says of it when all is well; `running` where the image has no health check.
        networks: Names of the Docker networks that it is on, sorted.
        hostname: First label of its public name; empty for none.
        clean_stop: `start` begins what its log says since it started last, `says` is in that when it was ended in order
            before.
    """

    user: str
    memory: int
    cpus: float
    port: int = 0
    root_because: str = ""
    capabilities: tuple[str, ...] = ()
    read_only: bool = True
    volumes: tuple[str, ...] = ()
    docker_socket: bool = False
    health: str = "healthy"
    networks: tuple[str, ...] = ()
    hostname: str = ""
    clean_stop: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class ExpectedSystem:
    """One system: a host and its services.

    Attributes:
        services: By name.
        vpn_address: The host's address in its VPN.
        vpn_peer: The member of the VPN that the claims play, as the stack's output names it.
        vpn_peer_address: That member's address.
        tcp: TCP ports that are open to the outside.
        udp: The same for UDP.
        vpn_tcp: TCP ports that are open to members of the VPN, beside the services'.
        hostnames: First labels of public names, beside the services'.
        service_token: The stack's service token that the claims use.
        units: What systemd starts at boot.
        folder: Where the compose file is.
        secret_files: Files that may hold secrets: pattern (`~root` is root's home) to `owner` and `because`.
    """

    services: Mapping[str, ExpectedService]
    vpn_address: str
    vpn_peer: str
    vpn_peer_address: str
    tcp: tuple[int, ...]
    udp: tuple[int, ...]
    vpn_tcp: tuple[int, ...]
    hostnames: tuple[str, ...]
    service_token: str
    units: tuple[str, ...]
    folder: str
    secret_files: Mapping[str, Mapping[str, str]]

    def allowed_files(self) -> list[Allowed]:
        """The files that may hold secrets."""
        files = {path.replace("~root", _ROOTS_HOME): about for path, about in self.secret_files.items()}
        return [Allowed(path=path, owner=about["owner"], because=about["because"]) for path, about in files.items()]

    def ports(self) -> dict[str, int]:
        """Each service that publishes a port, with the port."""
        return {name: service.port for name, service in self.services.items() if service.port}

    def read_only(self) -> list[str]:
        """The services whose root is read-only."""
        return sorted(name for name, service in self.services.items() if service.read_only)

    def all_vpn_tcp(self) -> tuple[int, ...]:
        """TCP ports that are open to members of the VPN."""
        return tuple(sorted({*self.vpn_tcp, *self.ports().values()}))

    def all_hostnames(self) -> tuple[str, ...]:
        """First labels of all public names."""
        of_services = (service.hostname for service in self.services.values() if service.hostname)
        return (*of_services, *self.hostnames)


def systems() -> list[str]:
    """The systems that something is expected of."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def expected(system: str) -> ExpectedSystem:
    """What is expected of a system.

    Raises:
        TypeError: A file lacks a key, or has one that there is not.
    """
    services = {path.stem: ExpectedService(**_read(path)) for path in sorted((FOLDER / system).glob("*.json"))}
    return ExpectedSystem(services=services, **_read(FOLDER / f"{system}.json"))


def _read(path: Path) -> dict[str, Any]:
    values = json.loads(path.read_text(encoding="utf-8"))
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
