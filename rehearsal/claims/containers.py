"""Claims on containers: published in the VPN alone, hardened, limited, and started again with the host."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.view import View

if TYPE_CHECKING:
    from collections.abc import Callable

Container = dict[str, Any]
Containers = dict[str, Container]
_SOCKET = "/var/run/docker.sock"


def bindings(containers: Containers) -> dict[str, list[str]]:
    """Published addresses and ports of each container that publishes something."""
    published = {}
    for name, container in containers.items():
        ports = container["NetworkSettings"]["Ports"] or {}
        published[name] = sorted(
            f"{binding['HostIp']}:{binding['HostPort']}->{inside}"
            for inside, several in ports.items()
            for binding in several or ()
        )
    return {name: several for name, several in published.items() if several}


def published(view: View) -> dict[str, list[str]]:
    """The same, as it must be."""
    at_vpn = {
        name: [f"{view.vpn_address}:{service.port}->{service.inside or service.port}/tcp"] if service.port else []
        for name, service in view.expected.services.items()
    }
    both = {name: sorted([*at_vpn[name], *service.published]) for name, service in view.expected.services.items()}
    return {name: several for name, several in both.items() if several}


def sockets(containers: Containers) -> list[tuple[str, bool]]:
    """Which containers have the Docker socket, and whether they may write to its file."""
    mounts = [(name, mount) for name, container in containers.items() for mount in container["Mounts"]]
    return sorted((name, mount["RW"]) for name, mount in mounts if mount.get("Source", "").endswith("docker.sock"))


def capabilities(containers: Containers) -> dict[str, list[str]]:
    """What each container has beyond no capability at all; and `not dropped` where not all are dropped."""
    kept = {}
    for name, container in containers.items():
        host = container["HostConfig"]
        added = [capability.removeprefix("CAP_") for capability in host["CapAdd"] or ()]
        dropped = {capability.removeprefix("CAP_") for capability in host["CapDrop"] or ()}
        wrong = [] if "ALL" in dropped else ["not dropped"]
        kept[name] = sorted(added) + wrong + (["privileged"] if host["Privileged"] else [])
    return kept


def users(view: View) -> dict[str, list[str]]:
    """The users that really run in each container, by number, out of the host's process list."""
    running = {}
    for name, container in view.containers().items():
        pids = view.run("docker", "top", container["Id"], "-o", "pid,uid").splitlines()[1:]
        running[name] = sorted({line.split()[1] for line in pids})
    return running


def limits(containers: Containers) -> dict[str, tuple[int, float]]:
    """Memory (MiB) and processors of each container."""
    hosts = {name: container["HostConfig"] for name, container in containers.items()}
    return {name: (host["Memory"] >> 20, host["NanoCpus"] / 1e9) for name, host in hosts.items()}


def hardened(containers: Containers) -> dict[str, tuple[bool, bool]]:
    """Whether each container's root is read-only, and whether its processes can gain no privileges."""
    return {
        name: (
            container["HostConfig"]["ReadonlyRootfs"],
            any(option.startswith("no-new-privileges") for option in container["HostConfig"]["SecurityOpt"] or ()),
        )
        for name, container in containers.items()
    }


def data_volumes(containers: Containers) -> dict[str, list[str]]:
    """The named volumes that each container may write to."""
    return {
        name: sorted(mount["Name"] for mount in container["Mounts"] if mount["Type"] == "volume" and mount["RW"])
        for name, container in containers.items()
    }


def health(containers: Containers) -> dict[str, str]:
    """What Docker says of each container."""
    states = {name: container["State"] for name, container in containers.items()}
    return {name: state.get("Health", {}).get("Status", "running") for name, state in states.items()}


def _with(change: Callable[[Container], object]) -> Callable[[Containers], Containers]:
    """A negative control: the same containers, one of them changed."""

    def spoil(containers: Containers) -> Containers:
        changed = deepcopy(containers)
        change(changed[min(changed)])
        return changed

    return spoil


def _publish_everywhere(container: Container) -> None:
    container["NetworkSettings"]["Ports"] = {"5678/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5678"}]}  # noqa: S104  # what would be wrong


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="bound-to-wg-ip",
        rows=("S2-55", "S2-14", "S2-16", "S2-17", "S2-18", "S2-23"),
        says="a service is published at the host's VPN address alone, or nowhere; the public proxy alone everywhere",
        observe=View.containers,
        value=bindings,
        expected=published,
        spoil=_with(_publish_everywhere),
    ),
    Claim(
        name="socket-read-only",
        rows=("S2-55", "S2-26", "B-06"),
        says="the Docker socket is mounted where it is expected alone, read-only",
        observe=View.containers,
        value=sockets,
        expected=lambda view: [
            (name, False) for name, service in sorted(view.expected.services.items()) if service.docker_socket
        ],
        spoil=_with(lambda container: container["Mounts"].append({"Source": _SOCKET, "RW": True})),
    ),
    Claim(
        name="non-root",
        rows=("S2-55", "S2-27"),
        says="no process of a container runs as root, but where there is a reason why it must",
        observe=users,
        value=lambda running: sorted(name for name, several in running.items() if {"0", "root"} & set(several)),
        expected=lambda view: sorted(name for name, service in view.expected.services.items() if service.root_because),
        spoil=lambda running: {**running, "another": ["0", "1000"]},
    ),
    Claim(
        name="caps-dropped",
        rows=("S2-55", "S2-27", "S2-18"),
        says="every container has dropped all capabilities, and has back none but the expected ones",
        observe=View.containers,
        value=capabilities,
        expected=lambda view: {name: sorted(service.capabilities) for name, service in view.expected.services.items()},
        spoil=_with(lambda container: container["HostConfig"].update(CapDrop=[])),
    ),
    Claim(
        name="services-as-described",
        rows=("S2-14", "S2-16", "S2-17"),
        says="every service is started as the user that the system's description names",
        observe=View.containers,
        value=lambda containers: {name: container["Config"]["User"] for name, container in containers.items()},
        expected=lambda view: {name: service.user for name, service in view.expected.services.items()},
        spoil=_with(lambda container: container["Config"].update(User="12345")),
    ),
    Claim(
        name="read-only-roots",
        rows=("S2-14", "S2-16", "S2-17", "S2-27"),
        says="every root is read-only where it is expected, and no process can gain privileges",
        observe=View.containers,
        value=hardened,
        expected=lambda view: {name: (service.read_only, True) for name, service in view.expected.services.items()},
        spoil=_with(lambda container: container["HostConfig"].update(SecurityOpt=[])),
    ),
    Claim(
        name="limits",
        rows=("S2-14", "S2-16", "S2-17", "S2-18"),
        says="memory (MiB) and processors of each container are limited as described",
        observe=View.containers,
        value=limits,
        expected=lambda view: {
            name: (service.memory, service.cpus) for name, service in view.expected.services.items()
        },
        spoil=_with(lambda container: container["HostConfig"].update(Memory=0)),
    ),
    Claim(
        name="named-volumes",
        rows=("S2-19",),
        says="each service keeps its data in volumes of the names that the description gives",
        observe=View.containers,
        value=data_volumes,
        expected=lambda view: {name: sorted(service.volumes) for name, service in view.expected.services.items()},
        spoil=_with(lambda container: container.update(Mounts=[{"Type": "volume", "RW": True, "Name": "another"}])),
    ),
    Claim(
        name="only-declared-services",
        rows=("S2-02", "S2-24"),
        says="exactly the declared services run, and those that can tell are healthy",
        observe=View.settled,
        value=health,
        expected=lambda view: {name: service.health for name, service in view.expected.services.items()},
        spoil=lambda containers: {**containers, "another": next(iter(containers.values()))},
    ),
    Claim(
        name="docker-at-boot",
        rows=("S2-04", "S2-09", "S2-37"),
        says="Docker, the VPN and the tunnel are enabled and run",
        observe=lambda view: {
            unit: view.run("systemctl", "show", "--property=ActiveState,UnitFileState", unit)
            for unit in view.expected.units
        },
        value=lambda states: sorted(
            unit
            for unit, text in states.items()
            if set(text.split()) == {"ActiveState=active", "UnitFileState=enabled"}
        ),
        expected=lambda view: sorted(view.expected.units),
        spoil=lambda states: {**states, "docker.service": "ActiveState=active\nUnitFileState=disabled\n"},
    ),
    Claim(
        name="networks-as-described",
        rows=("AT-08",),
        says="each container is on the networks that the description gives, and on no other",
        observe=View.containers,
        value=lambda containers: {
            name: tuple(sorted(container["NetworkSettings"]["Networks"].keys() - {"none"}))
            for name, container in containers.items()
        },
        expected=lambda view: {name: service.networks for name, service in view.expected.services.items()},
        spoil=_with(lambda container: container["NetworkSettings"].update(Networks={"bridge": {}})),
    ),
)
