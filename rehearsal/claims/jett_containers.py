"""Claims on jett's containers: bound to the VPN, hardened, and started again with the host."""

from __future__ import annotations

import json
from copy import deepcopy
from typing import Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.view import View

Containers = dict[str, dict[str, Any]]

SERVICES = {"n8n": 5678, "postgres": 5432, "qdrant": 6333, "portainer": 9000}
ROOT_WANTED = {"portainer"}
"""S2-27's explicit exception: the image's user, who may open the socket."""
CAPABILITIES = {"portainer": {"NET_BIND_SERVICE"}}
VOLUMES = {"n8n": "n8n_data", "postgres": "postgres_data", "qdrant": "qdrant_data", "portainer": "portainer_data"}
USERS = {"n8n": "1000:1000", "postgres": "999:999", "qdrant": "1000:1000"}
READ_ONLY = {"n8n", "postgres", "qdrant"}
LIMITS = {"n8n": (1024, 1.0), "postgres": (512, 0.5), "qdrant": (1024, 1.0), "portainer": (256, 0.5)}
_UNITS = ("docker.service", "wg-quick@wg0.service", "cloudflared.service")
SOCKET = "/var/run/docker.sock"


def bindings(containers: Containers) -> dict[str, list[str]]:
    """Published addresses and ports of each container that publishes something."""
    found = {}
    for name, one in containers.items():
        ports = (one["NetworkSettings"]["Ports"] or {}).items()
        here = sorted(
            f"{bound['HostIp']}:{bound['HostPort']}->{inside}"
            for inside, all_bound in ports
            for bound in all_bound or ()
        )
        if here:
            found[name] = here
    return found


def sockets(containers: Containers) -> list[tuple[str, bool]]:
    """Which containers have the Docker socket, and whether they may write to its file."""
    mounts = [(name, mount) for name, one in containers.items() for mount in one["Mounts"]]
    return sorted((name, mount["RW"]) for name, mount in mounts if mount.get("Source", "").endswith("docker.sock"))


def capabilities(containers: Containers) -> dict[str, list[str]]:
    """What each container has beyond no capability at all; and `not dropped` where not all are dropped."""
    found = {}
    for name, one in containers.items():
        host = one["HostConfig"]
        more = [cap.removeprefix("CAP_") for cap in host["CapAdd"] or ()]
        dropped = {cap.removeprefix("CAP_") for cap in host["CapDrop"] or ()}
        found[name] = (
            sorted(more)
            + ([] if "ALL" in dropped else ["not dropped"])
            + (["privileged"] if host["Privileged"] else [])
        )
    return found


def users(view: View) -> dict[str, list[str]]:
    """The users that really run in each container, by number, out of the host's process list."""
    found = {}
    for name, one in view.containers().items():
        pids = view.run("docker", "top", one["Id"], "-o", "pid,uid").splitlines()[1:]
        found[name] = sorted({line.split()[1] for line in pids})
    return found


def _spoiled(change: Any) -> Any:
    """A negative control: the same containers, one of them changed."""

    def spoil(containers: Containers) -> Containers:
        changed = deepcopy(containers)
        change(changed[next(iter(sorted(changed)))])
        return changed

    return spoil


def _to_the_world(one: dict[str, Any]) -> None:
    one["NetworkSettings"]["Ports"] = {"5678/tcp": [{"HostIp": "0.0.0.0", "HostPort": "5678"}]}  # noqa: S104 - what must not be


def _limits(containers: Containers) -> dict[str, tuple[int, float]]:
    return {
        name: (one["HostConfig"]["Memory"] >> 20, one["HostConfig"]["NanoCpus"] / 1e9)
        for name, one in containers.items()
    }


def _hardened(containers: Containers) -> dict[str, bool]:
    """Whether each container's root is read-only and its processes can't gain privileges."""
    return {
        name: one["HostConfig"]["ReadonlyRootfs"] if any(option.startswith("no-new-privileges") for option in one["HostConfig"]["SecurityOpt"] or ()) else False
        for name, one in containers.items()
    }  # fmt: skip


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="bound-to-wg-ip",
        rows=("S2-55", "S2-14", "S2-16", "S2-17", "S2-18", "S2-23"),
        says="every service is published at the host's VPN address, and nowhere else",
        look=View.containers,
        come_to=bindings,
        expected=lambda view: {name: [f"{view.vpn_address}:{port}->{port}/tcp"] for name, port in SERVICES.items()},
        spoil=_spoiled(_to_the_world),
    ),
    Claim(
        name="socket-read-only",
        rows=("S2-55", "S2-26"),
        says="the Docker socket is mounted in Portainer alone, read-only",
        look=View.containers,
        come_to=sockets,
        expected=lambda _: [("portainer", False)],
        spoil=_spoiled(lambda one: one["Mounts"].append({"Source": SOCKET, "RW": True})),
    ),
    Claim(
        name="non-root",
        rows=("S2-55", "S2-27"),
        says="no process of a container runs as root, but Portainer's, which must open the socket",
        look=users,
        come_to=lambda found: sorted(name for name, numbers in found.items() if "0" in numbers or "root" in numbers),
        expected=lambda _: sorted(ROOT_WANTED),
        spoil=lambda found: {**found, "n8n": ["0", "1000"]},
    ),
    Claim(
        name="caps-dropped",
        rows=("S2-55", "S2-27", "S2-18"),
        says="every container has dropped all capabilities, and got back none but Portainer's NET_BIND_SERVICE",
        look=View.containers,
        come_to=capabilities,
        expected=lambda _: {name: sorted(CAPABILITIES.get(name, ())) for name in SERVICES},
        spoil=_spoiled(lambda one: one["HostConfig"].update(CapDrop=[])),
    ),
    Claim(
        name="services-as-described",
        rows=("S2-14", "S2-16", "S2-17"),
        says="n8n, PostgreSQL and Qdrant run as the users that the system's description names",
        look=View.containers,
        come_to=lambda found: {name: one["Config"]["User"] for name, one in found.items() if name in USERS},
        expected=lambda _: USERS,
        spoil=_spoiled(lambda one: one["Config"].update(User="")),
    ),
    Claim(
        name="read-only-roots",
        rows=("S2-14", "S2-16", "S2-17", "S2-27"),
        says="roots are read-only where the description says so, and no process can gain privileges",
        look=View.containers,
        come_to=lambda found: sorted(name for name, good in _hardened(found).items() if good and name in READ_ONLY),
        expected=lambda _: sorted(READ_ONLY),
        spoil=_spoiled(lambda one: one["HostConfig"].update(SecurityOpt=[])),
    ),
    Claim(
        name="limits",
        rows=("S2-14", "S2-16", "S2-17", "S2-18"),
        says="memory (MiB) and processors of each container are limited as described",
        look=View.containers,
        come_to=_limits,
        expected=lambda _: LIMITS,
        spoil=_spoiled(lambda one: one["HostConfig"].update(Memory=0)),
    ),
    Claim(
        name="named-volumes",
        rows=("S2-19",),
        says="each service keeps its data in a volume of the name that the description gives",
        look=View.containers,
        come_to=lambda found: {
            name: sorted(
                mount["Name"].partition("-")[2] or mount["Name"]
                for mount in one["Mounts"]
                if mount["Type"] == "volume" and "_data" in mount["Name"]
            )
            for name, one in found.items()
        },
        expected=lambda _: {name: [volume] for name, volume in VOLUMES.items()},
        spoil=_spoiled(lambda one: one.update(Mounts=[])),
    ),
    Claim(
        name="four-services",
        rows=("S2-02", "S2-24"),
        says="exactly n8n, PostgreSQL, Qdrant and Portainer run, and those that can tell are healthy",
        look=View.containers,
        come_to=lambda found: {
            name: one["State"].get("Health", {}).get("Status", "running") for name, one in found.items()
        },
        expected=lambda _: {"n8n": "healthy", "postgres": "healthy", "qdrant": "healthy", "portainer": "running"},
        spoil=lambda found: {**found, "ollama": next(iter(found.values()))},
    ),
    Claim(
        name="docker-at-boot",
        rows=("S2-04", "S2-09", "S2-37"),
        says="Docker, the VPN and the tunnel are enabled and run",
        look=lambda view: {
            unit: view.run("systemctl", "show", "--property=ActiveState,UnitFileState", unit) for unit in _UNITS
        },
        come_to=lambda found: sorted(
            unit for unit, text in found.items() if set(text.split()) == {"ActiveState=active", "UnitFileState=enabled"}
        ),
        expected=lambda _: sorted(_UNITS),
        spoil=lambda found: {**found, "docker.service": "ActiveState=active\nUnitFileState=disabled\n"},
    ),
    Claim(
        name="one-bridge",
        rows=("S2-20",),
        says="one bridge network connects the four services",
        look=lambda view: [list(one["NetworkSettings"]["Networks"]) for one in view.containers().values()],
        come_to=lambda found: (len(found), len({json.dumps(sorted(one)) for one in found}), max(map(len, found))),
        expected=lambda _: (len(SERVICES), 1, 1),
        spoil=lambda found: [*found[1:], ["bridge"]],
    ),
)
