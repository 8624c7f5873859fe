"""What the claims expect of a system: one file for each preset, and what its user has changed.

The files are written by hand from a system's description, as it is rehearsed where its user says nothing. The values of
one rehearsal are those of the blueprint (`homeport/cli/expectations.py`), for settings and the user's own services
change them; a test holds that without settings both are equal, so that no mistake of a preset is claimed to be right.
A new service of a preset needs an entry in its file and no code. A file is of prod; where another environment has other
hosts, what is expected there is a file of the same name in the folder of that environment.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from rehearsal.probes.canary import Allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = Path(__file__).parent
PROD = "prod"
_ROOTS_HOME = "/root"
_NONE: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class ExpectedService:
    """One container of a system.

    Attributes:
        user: The user and group that it is started as.
        memory: Its limit in MiB.
        cpus: Its limit of processors.
        port: Published at the host's VPN address; 0 for none.
        inside: That port in the container, where it is another.
        published: What it publishes elsewhere, as ADDRESS:PORT->INSIDE/PROTOCOL.
        listens: Where it listens in the host's own network, as ADDRESS:PORT; empty: it has a network of its own.
        root_because: Why its processes may be root's; empty where they may not.
        capabilities: What it has back of the capabilities, which are all dropped.
        read_only: Whether its root is read-only.
        volumes: The named volumes that it may write to.
        docker_socket: Whether it has the Docker socket, read-only.
        health: What Docker says of it when all is well; `running` where it has no health check.
        networks: Names of the Docker networks that it is on, sorted.
        clean_stop: `start` begins what its log says since it started last, `says` is in that when it was ended in order
            before.
        kept: What is kept through a reboot: `write` is run in it before, `read` after it, which prints `says` then.
    """

    user: str
    memory: int
    cpus: float
    port: int = 0
    inside: int = 0
    published: tuple[str, ...] = ()
    listens: tuple[str, ...] = ()
    root_because: str = ""
    capabilities: tuple[str, ...] = ()
    read_only: bool = True
    volumes: tuple[str, ...] = ()
    docker_socket: bool = False
    health: str = "healthy"
    networks: tuple[str, ...] = ()
    clean_stop: Mapping[str, str] = field(default_factory=lambda: _NONE)
    kept: Mapping[str, Any] = field(default_factory=lambda: _NONE)


@dataclass(frozen=True, kw_only=True)
class ExpectedDoor:
    """What is asked of a caller at some paths of a name.

    Attributes:
        kind: `login`, `service-token`, `api-key`, `basic`, `closed`, `open`, `bypass`, or `itself`: the proxy asks for
            nothing, and the service behind for what it likes (`ExpectedSystem.answers`, or a claim of its preset, says
            what).
        paths: Patterns of paths; none: all that no other door of the name has.
        header: Of `api-key`: the header.
        user: Of `basic`: the user.
        secret: The name of the secret that opens it.
    """

    kind: str
    paths: tuple[str, ...] = ()
    header: str = ""
    user: str = ""
    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class ExpectedRoute:
    """One public name.

    Attributes:
        doors: In the order in which they are looked at.
        service: What is behind it; empty: a program of a host, another host's proxy, or a device of the VPN (`peer`).
        guest: Whether that is another stack's, which may not be there.
        peer: The device of the VPN that what is behind it runs on: no rehearsal has it, so nobody may answer.
        host: The whole name; empty: the route's own below the domain.
        probe: The path at which the service answers 200 to whoever comes as far as to it; empty: none is known.
    """

    doors: tuple[ExpectedDoor, ...]
    service: str = ""
    guest: bool = False
    peer: str = ""
    host: str = ""
    probe: str = ""


@dataclass(frozen=True, kw_only=True)
class ExpectedAnswer:
    """What the program behind a public name says to somebody without a key, by which it is that very program.

    Attributes:
        status: The status.
        says: What its body has in it, and no proxy's has; empty: anything.
        path: What is asked for.
        method: How.
        headers: With which headers.
        body: With which body.
    """

    status: int
    says: str = ""
    path: str = "/"
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=lambda: _NONE)
    body: str = ""


@dataclass(frozen=True, kw_only=True)
class ExpectedHeartbeat:
    """Whom a host's backups call once they have gone well.

    Attributes:
        route: The name that they call, of this host or of another.
        path: The path there, in a form that nobody waits for.
        user: As whom they run.
    """

    route: str
    path: str
    user: str


@dataclass(frozen=True, kw_only=True)
class ExpectedSystem:
    """One system: a host and its services.

    Attributes:
        exposure: How people and programs come in: `tunnel`, `direct` or `vpn`.
        services: By name.
        networks: Docker networks to what they let out: `open`, `closed` (the host's firewall lets nothing out) or
            `internal` (Docker does not).
        routes: Public names, by the route's name.
        answers: Such names, as far as they are there, to what the program behind says to somebody without a key.
        heartbeat: Whom its backups call; None: it has none, or what they call is not there.
        tcp: TCP ports that are open to the outside.
        udp: The same for UDP.
        owners_tcp: TCP ports that the firewalls open for what the host's owner runs: in a rehearsal nobody listens.
        owners_udp: The same for UDP.
        vpn_address: The host's address in its VPN; empty: there is none.
        vpn_peer: The member of the VPN that the claims play, as the stack's output names it.
        vpn_peer_address: That member's address.
        vpn_tcp: TCP ports that are open to members of the VPN, beside the services'.
        bridged: TCP ports of the host's own programs to the subnets of containers that reach them; none: all do.
        mesh_tcp: Another member of the mesh to the TCP ports that it reaches at the host's address there; where it is
            alone, the device that the claims play.
        calls: Docker network to the other members of the mesh that containers call who leave by it, each with the TCP
            ports that answer at its address there.
        members_tcp: TCP ports that the host's firewall opens to members of the mesh alone.
        ssh_forward: The port of the loopback address that sshd forwards; 0: none.
        rented: Whether a cloud has the host, with a firewall of its own before it.
        units: What systemd starts at boot.
        folder: Where the compose file is.
        secret_files: Files that may hold secrets: pattern (`~root` is root's home) to `owner` and `because`.
    """

    exposure: str
    services: Mapping[str, ExpectedService]
    networks: Mapping[str, str]
    tcp: tuple[int, ...]
    units: tuple[str, ...]
    folder: str
    secret_files: Mapping[str, Mapping[str, str]]
    routes: Mapping[str, ExpectedRoute] = field(default_factory=lambda: _NONE)
    answers: Mapping[str, ExpectedAnswer] = field(default_factory=lambda: _NONE)
    heartbeat: ExpectedHeartbeat | None = None
    udp: tuple[int, ...] = ()
    owners_tcp: tuple[int, ...] = ()
    owners_udp: tuple[int, ...] = ()
    vpn_address: str = ""
    vpn_peer: str = ""
    vpn_peer_address: str = ""
    vpn_tcp: tuple[int, ...] = ()
    bridged: Mapping[str, list[str]] = field(default_factory=lambda: _NONE)
    mesh_tcp: Mapping[str, list[int]] = field(default_factory=lambda: _NONE)
    calls: Mapping[str, Mapping[str, list[int]]] = field(default_factory=lambda: _NONE)
    members_tcp: tuple[int, ...] = ()
    ssh_forward: int = 0
    rented: bool = True

    @property
    def has(self) -> frozenset[str]:
        """What there is that claims look at (`Claim.needs`)."""
        there = {
            self.exposure,
            *(f"service {name}" for name in self.services),
            *(f"route {name}" for name in self.routes),
        }
        kinds = {f"door {door.kind}" for route in self.routes.values() for door in route.doors}
        there |= {"rented"} if self.rented else set()
        there |= {"answers"} if self.all_answers() else set()
        there |= {"heartbeat"} if self.heartbeat else set()
        mesh = {"mesh"} if self.mesh_tcp else set()
        return frozenset(there | kinds | mesh | ({"vpn"} if self.vpn_address else set()))

    def all_answers(self) -> dict[str, ExpectedAnswer]:
        """What programs say to somebody without a key: declared, or, where nobody is asked for one, that they work."""
        answers_of_all = {name: answer for name, answer in self.answers.items() if name in self.routes}
        for name, route in self.routes.items():
            if route.probe and any(door.kind == "itself" and not door.paths for door in route.doors):
                answers_of_all.setdefault(name, ExpectedAnswer(path=route.probe, status=HTTPStatus.OK))
        return answers_of_all

    def allowed_files(self) -> list[Allowed]:
        """The files that may hold secrets."""
        files = {path.replace("~root", _ROOTS_HOME): about for path, about in self.secret_files.items()}
        return [Allowed(path=path, owner=about["owner"], because=about["because"]) for path, about in files.items()]

    def ports(self) -> dict[str, int]:
        """Each service that publishes a port in the VPN, with the port."""
        return {name: service.port for name, service in self.services.items() if service.port}

    def read_only(self) -> list[str]:
        """The services whose root is read-only."""
        return sorted(name for name, service in self.services.items() if service.read_only)

    def all_vpn_tcp(self) -> tuple[int, ...]:
        """TCP ports that are open to members of the VPN."""
        return tuple(sorted({*self.vpn_tcp, *self.ports().values()}))


def systems(environment: str = PROD) -> list[str]:
    """The systems that something is expected of, by a file of their own in that environment."""
    return sorted(path.stem for path in _folder(environment).glob("*.json"))


def hosts(system: str, described: Mapping[str, Any] = _NONE, environment: str = PROD) -> tuple[str, ...]:
    """The names of a system's hosts, where it has several; else one empty name."""
    return tuple(sorted((described or _written(system, environment)).get("hosts", [""])))


def expected(
    system: str, described: Mapping[str, Any] = _NONE, host: str = "", environment: str = PROD
) -> ExpectedSystem:
    """What is expected of a system, or of one of its hosts.

    Args:
        system: The preset.
        host: The host, where there are several; its own values take the place of those that all have.
        described: The blueprint of one rehearsal, in the words of the file: its values take the file's place. What the
            file alone has of a service (its last words in the log, what it keeps) stays.
        environment: Whose file is read: its own where there is one, else prod's.

    Raises:
        TypeError: A file lacks a key, or has one that there is not.
    """
    written = _written(system, environment)
    several = described.get("hosts") or written.get("hosts", {})
    names = {name for about in several.values() for name in about.get("routes", {})}
    written |= written.pop("hosts", {}).get(host, {})
    described = described.get("hosts", {}).get(host, {}) if host else described
    own = {name: _service(values) for name, values in written.pop("services").items()}
    values = {**written, **described}
    services = {
        name: replace(_service(about), clean_stop=own[name].clean_stop, kept=own[name].kept)
        if name in own
        else _service(about)
        for name, about in values.pop("services", {}).items()
    }
    heartbeat = values.pop("heartbeat", None)
    return ExpectedSystem(
        services=services if "services" in described else own,
        heartbeat=ExpectedHeartbeat(**heartbeat) if heartbeat and heartbeat["route"] in names else None,
        routes={name: _route(**about) for name, about in values.pop("routes", {}).items()},
        answers={name: ExpectedAnswer(**about) for name, about in values.pop("answers", {}).items()},
        **_tuples(values),
    )


def _folder(environment: str) -> Path:
    return FOLDER if environment == PROD else FOLDER / environment


def _written(system: str, environment: str) -> dict[str, Any]:
    own = _folder(environment) / f"{system}.json"
    path = own if own.is_file() else FOLDER / f"{system}.json"
    written: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return written


def _service(values: Mapping[str, Any]) -> ExpectedService:
    return ExpectedService(**_tuples(values))


def _route(*, doors: list[dict[str, Any]], **about: Any) -> ExpectedRoute:
    return ExpectedRoute(doors=tuple(ExpectedDoor(**_tuples(door)) for door in doors), **about)


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}
