"""What is looked at before an update removes anything: names, subnets and ports that others hold, and stored data."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.presets import registry
from homeport.cli import daemon, deployed
from homeport.cli.places import ROOT
from homeport.model import fixes, names, template
from homeport.model.container import container_spec, own_volumes
from homeport.model.errors import Problem, ProblemsError, ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from homeport.cli.pulumi_cli import PulumiCli
    from homeport.model.blueprint import Blueprint
    from homeport.model.database import Database
    from homeport.model.service import PublishedPort

Check = Callable[["PulumiCli"], "Sequence[Problem]"]
"""A further thing to look at; it may not change anything."""
_VOLUME = "docker:index/volume:Volume"
_FIRST_FREE = "net.ipv4.ip_unprivileged_port_start"
_HIGH = 8000
"""Added to a low port: 80 is 8080 then, and 443 is 8443."""
_LISTEN = "0A"
"""TCP_LISTEN in /proc/net/tcp (linux/include/net/tcp_states.h)."""


class AheadError(ProblemsError):
    """An update was refused before it removed anything."""

    title = "this update would fail on the way; nothing was changed"


@dataclass(frozen=True, kw_only=True)
class Present:
    """What a Docker daemon has.

    Attributes:
        where: The environment of a Docker command that means it.
        own: Ids of what the state has; of volumes the names.
        items: Everything, by kind.
    """

    where: Mapping[str, str]
    own: frozenset[str]
    items: Mapping[str, Sequence[dict[str, Any]]]

    def foreign(self, kind: str, stack: str) -> Iterator[dict[str, Any]]:
        """Those of a kind that are neither in the state nor carry the stack's label."""
        for item in self.items[kind]:
            labels = (item.get("Config") or {}).get("Labels") or item.get("Labels") or {}
            mark = item["Name"] if kind == "volume" else item["Id"]
            if mark not in self.own and labels.get("homeport.stack") != stack:
                yield item

    def guests(self, network: str, stack: str) -> list[str]:
        """Containers of others on a network, running or not, each with its stack where it has one."""
        found = []
        for item in self.foreign("container", stack):
            if network in ((item.get("NetworkSettings") or {}).get("Networks") or {}):
                whose = ((item.get("Config") or {}).get("Labels") or {}).get("homeport.stack")
                found.append(item["Name"].removeprefix("/") + (f" (stack {whose})" if whose else ""))
        return sorted(found)


def check_ahead(pulumi: PulumiCli, checks: Sequence[Check] = ()) -> None:
    """Nothing, where an update can be carried out as far as anybody can see beforehand.

    Args:
        pulumi: The stack and its Pulumi.
        checks: Further checks: a cloud's account, a host's listeners.

    Raises:
        AheadError: It cannot; with everything that stands in its way.
    """
    problems: list[Problem] = []
    blueprint, stack = pulumi.stack.plan.blueprint, pulumi.stack.name
    others = blueprint.joined or any(network.shared for network in blueprint.networks)
    for where in pulumi.daemons() if pulumi.stack.local or others else ():
        present = _present(pulumi, where)
        if pulumi.stack.local:
            problems += _names(blueprint, present, stack)
            problems += _subnets(blueprint, present, stack)
            problems += _ports(blueprint, present)
            problems += _privileged(blueprint, present)
        problems += _absent(blueprint, present)
        problems += _remade(blueprint, present, stack)
    problems += _moved(pulumi)
    problems += _majors(pulumi)
    problems += _stored(pulumi)
    for check in checks:
        problems += check(pulumi)
    if problems:
        raise AheadError(tuple(problems)).of(stack)


def _moved(pulumi: PulumiCli) -> Iterator[Problem]:
    """Volumes with data that would be another folder, or one no longer: an update moves no data.

    One that Docker no longer has is made where the settings say: so data that a person has moved is found there.
    """
    blueprint = pulumi.stack.plan.blueprint
    wanted = {
        own[key]: volume.folder
        for service in (*blueprint.services, *blueprint.resting)
        for own in (own_volumes(blueprint, service),)
        for key, volume in service.volumes.items()
        if key in own
    }
    wanted |= {
        names.shared_volume(blueprint.namespace, key): each.folder for key, each in blueprint.shared_volumes.items()
    }
    rows = (row.get("inputs") or {} for row in pulumi.state().get("resources") or [] if row.get("type") == _VOLUME)
    former = {str(row.get("name")): str((row.get("driverOpts") or {}).get("device", "")) for row in rows}
    moved = [name for name, folder in former.items() if name in wanted and wanted[name] != folder]
    present = {
        item["Name"] for where in (pulumi.daemons() if moved else ()) for item in daemon.inspect("volume", moved, where)
    }
    path = f"{fixes.SETTINGS}.data_folder"
    for name in sorted(present.intersection(moved)):
        before, after = former[name], wanted[name]
        what = (
            f"volume {name} is {before or 'where Docker keeps it'} and would be {after or 'there'}: data is not moved"
        )
        first = "Or move it by hand: docs/adopting.md, Data below one folder."
        yield Problem(
            path, what, fixes.put(path, str(Path(before).parent), first=first) if before else fixes.drop(path)
        )


def _present(pulumi: PulumiCli, where: Mapping[str, str]) -> Present:
    kinds = {
        "container": ("ps", "--all", "--quiet", "--no-trunc"),
        "network": ("network", "ls", "--quiet", "--no-trunc"),
        "volume": ("volume", "ls", "--quiet"),
    }

    def all_of(kind: str) -> list[dict[str, Any]]:
        return daemon.inspect(kind, daemon.run(*kinds[kind], where=where).stdout.split(), where)

    with ThreadPoolExecutor() as pool:
        items = dict(zip(kinds, pool.map(all_of, kinds), strict=True))
    resources = pulumi.state().get("resources") or []
    own = {str(item.get("id")) for item in resources if "docker:" in str(item.get("type"))}
    templates = deployed.templates(resources)
    for item in items["container"]:
        if deployed.is_copy((item["Config"].get("Labels") or {}).get("homeport.copy", ""), templates):
            own.add(item["Id"])
    return Present(where=where, own=frozenset(own), items=items)


def _absent(blueprint: Blueprint, present: Present) -> Iterator[Problem]:
    """Networks of other stacks that services here join, and that are not there."""
    there = {item["Name"] for item in present.items["network"]}
    for name in sorted(blueprint.joined.keys() - there):
        from homeport.settings.friendly import path_of  # noqa: PLC0415  # pydantic, which only a refusal needs

        owners = registry.sharing(name)
        path = path_of(("join", name))
        what = f"{name} not found: start {' or '.join(owners) or 'the stack that has it'} first"
        yield Problem(path, what, fixes.drop(path, first="Bring that stack up with bin/homeport up, or leave it."))


def _remade(blueprint: Blueprint, present: Present, stack: str) -> Iterator[Problem]:
    """A shared network that this update would make anew, under containers of others."""
    wanted = {names.physical(blueprint.namespace, network.name): network for network in blueprint.networks}
    for item in present.items["network"]:
        network = wanted.get(item["Name"])
        subnets = [str(config.get("Subnet")) for config in (item.get("IPAM") or {}).get("Config") or ()]
        if network is None or not network.shared or network.subnet in subnets:
            continue
        if others := present.guests(item["Name"], stack):
            path = f"homeport:settings.networks.{network.name}"
            what = f"{', '.join(subnets)} would become {network.subnet}, and others are on it: {', '.join(others)}"
            yield Problem(path, what, fixes.put(path, *subnets[:1]))


def refuse_guests(pulumi: PulumiCli) -> None:
    """Nothing, where no container of another stack is on a network that this one shares.

    Raises:
        ToolError: Some are; each is named.
    """
    blueprint, stack = pulumi.stack.plan.blueprint, pulumi.stack.name
    shared = [names.physical(blueprint.namespace, network.name) for network in blueprint.networks if network.shared]
    for where in pulumi.daemons() if shared else ():
        present = _present(pulumi, where)
        for name in shared:
            if others := present.guests(name, stack):
                leave = "; ".join(f"docker network disconnect -f {name} {other.partition(' ')[0]}" for other in others)
                raise ToolError(
                    f"stack {stack}: containers of others are on its network {name}: {', '.join(others)}; nothing was "
                    f"removed\n  fix: take their stacks down first (bin/homeport down), or: {leave}"
                )


def _names(blueprint: Blueprint, present: Present, stack: str) -> Iterator[Problem]:
    """Docker takes a name once: a container fails, and a volume of somebody else's would be used."""
    wanted = {
        "container": {names.physical(blueprint.namespace, service.name) for service in blueprint.services},
        "network": {names.physical(blueprint.namespace, network.name) for network in blueprint.networks},
        "volume": {
            *(name for service in blueprint.services for name in own_volumes(blueprint, service).values()),
            *(names.shared_volume(blueprint.namespace, name) for name in blueprint.shared_volumes),
        },
    }
    for kind, mine in wanted.items():
        for item in present.foreign(kind, stack):
            name = item["Name"].removeprefix("/")
            if name in mine:
                labels = (item.get("Config") or {}).get("Labels") or item.get("Labels") or {}
                whose = labels.get("homeport.stack")
                yield Problem(
                    f"{kind} {name}",
                    f"Docker has one of this name that {f'stack {whose}' if whose else 'somebody else'} made",
                    fixes.put(
                        f"{fixes.SETTINGS}.namespace",
                        stack,
                        first=f"Remove it (docker {kind} rm {name}), or have a prefix before all names of this stack.",
                    ),
                )


def _subnets(blueprint: Blueprint, present: Present, stack: str) -> Iterator[Problem]:
    for item in present.foreign("network", stack):
        for config in (item.get("IPAM") or {}).get("Config") or ():
            taken = ip_network(config["Subnet"], strict=False) if config.get("Subnet") else None
            for network in blueprint.networks:
                subnet = ip_network(network.subnet)
                if taken and taken.version == subnet.version and taken.overlaps(subnet):
                    path = f"homeport:settings.networks.{network.name}"
                    what = f"{subnet} overlaps {taken} of Docker's network {item['Name']}"
                    yield Problem(path, what, fixes.put(path, "<a free private subnet>"))


def _ports(blueprint: Blueprint, present: Present) -> Iterator[Problem]:
    mine = {service.name: blueprint.published(service) for service in blueprint.services}
    here = _listeners() if _is_here(present.where) else []
    for service, ports in sorted(mine.items()):
        for port in ports:
            own = _own(port, present) or service in _on_host(present)
            holder = _publisher(port, present) or ("" if own else _listener(port, here))
            if holder:
                edge = next((name for name, number in blueprint.edge.ports.items() if number == port.outside), "")
                path = f"homeport:settings.edge.{edge}_port" if edge else f"homeport:settings.services.{service}.port"
                what = f"{port.address}:{port.outside} ({port.protocol}) is held by {holder}"
                yield Problem(
                    path, what, fixes.put(path, _free_port(port), first="End that program, or take another port.")
                )


def _privileged(blueprint: Blueprint, present: Present) -> Iterator[Problem]:
    """Low ports of a program in this machine's own network, whose kernel homeport leaves alone."""
    first = _first_free() if _is_here(present.where) else 0
    edge = {number: f"edge.{name}_port" for name, number in blueprint.edge.ports.items()}
    for service in blueprint.services:
        ports = blueprint.published(service) if service.host_network and service.uid else ()
        for port in ports:
            if port.outside < first:
                path = f"homeport:settings.{edge.get(port.outside, f'services.{service.name}.port')}"
                what = f"is {port.outside}, and this machine gives ports below {first} to root alone"
                other = f"Or as root: sysctl -w {_FIRST_FREE}={port.outside}."
                yield Problem(path, what, fixes.put(path, _HIGH + port.outside, first=other))


def _first_free(proc: Path = Path("/proc/sys")) -> int:
    """The first port that everybody may listen on; 0 where the kernel does not say (ip-sysctl)."""
    try:
        return int((proc / _FIRST_FREE.replace(".", "/")).read_text(encoding="ascii"))
    except OSError:
        return 0


def _bindings(item: Mapping[str, Any]) -> Iterator[tuple[str, str, int]]:
    """Protocol, address and port of what a container publishes now."""
    for inside, rows in ((item.get("NetworkSettings") or {}).get("Ports") or {}).items():
        for row in rows or ():
            yield inside.rpartition("/")[2], row["HostIp"], int(row["HostPort"])


def _publisher(port: PublishedPort, present: Present) -> str:
    for item in present.items["container"]:
        if item["Id"] not in present.own and any(_meets(port, *binding) for binding in _bindings(item)):
            return f"container {item['Name'].removeprefix('/')}"
    return ""


def _own(port: PublishedPort, present: Present) -> bool:
    return any(
        _meets(port, *binding)
        for item in present.items["container"]
        if item["Id"] in present.own
        for binding in _bindings(item)
    )


def _on_host(present: Present) -> set[str]:
    """Services of this stack that are in the host's network: Docker does not know where they listen."""
    return {
        str((item["Config"].get("Labels") or {}).get("homeport.service"))
        for item in present.items["container"]
        if item["Id"] in present.own
        and (item.get("HostConfig") or {}).get("NetworkMode") == "host"
        and item["State"]["Running"]
    }


def _meets(port: PublishedPort, protocol: str, address: str, number: int) -> bool:
    """Whether a listener is in a port's way: the same number, and an address in common."""
    if (protocol, number) != (port.protocol, port.outside):
        return False
    here, there = ip_address(port.address), ip_address(address or "0.0.0.0")  # noqa: S104  # any address, as Docker says
    # A socket on :: takes IPv4 as well, unless it says otherwise; Docker's own do.
    return here == there or here.is_unspecified or there.is_unspecified


def _is_here(where: Mapping[str, str]) -> bool:
    return where.get("DOCKER_HOST", "unix://").startswith("unix://")


@dataclass(frozen=True, kw_only=True)
class Listener:
    """A socket of this machine that takes connections."""

    protocol: str
    address: str
    port: int
    inode: str


def _listeners(proc: Path = Path("/proc/net")) -> list[Listener]:
    """All of them, where the kernel says so (Linux); elsewhere none."""
    rows = []
    for name in ("tcp", "tcp6", "udp", "udp6"):
        with suppress(OSError):
            for line in (proc / name).read_text(encoding="ascii").splitlines()[1:]:
                words = line.split()
                if name.startswith("udp") or words[3] == _LISTEN:
                    address, _, port = words[1].partition(":")
                    rows.append(
                        Listener(protocol=name[:3], address=_address(address), port=int(port, 16), inode=words[9])
                    )
    return rows


def _address(digits: str) -> str:
    """An address of /proc/net: words of 32 bits in the machine's own order (proc_pid_net(5))."""
    words = (bytes.fromhex(digits[start : start + 8])[::-1] for start in range(0, len(digits), 8))
    address = ip_address(b"".join(words))
    return str(getattr(address, "ipv4_mapped", None) or address)


def _listener(port: PublishedPort, listeners: Sequence[Listener]) -> str:
    for item in listeners:
        if _meets(port, item.protocol, item.address, item.port):
            return _program(item.inode)
    return ""


def _program(inode: str) -> str:
    """Name and number of the process with a socket; in general words where this user may not see it."""
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for file in (folder / "fd").iterdir():
                if str(file.readlink()) == f"socket:[{inode}]":
                    return f"{(folder / 'comm').read_text(encoding='utf-8').strip()} (process {folder.name})"
    return "another program (root sees which: ss -ltnup)"


def _free_port(port: PublishedPort) -> int:
    """A port that is free now, near the wanted one as people would choose it."""
    kind = socket.SOCK_STREAM if port.protocol == "tcp" else socket.SOCK_DGRAM
    family = socket.AF_INET6 if ":" in port.address else socket.AF_INET
    for number in (*range(port.outside + 1, min(port.outside + 100, 65536)), 0):
        with socket.socket(family, kind) as probe, suppress(OSError):
            probe.bind((port.address, number))
            return int(probe.getsockname()[1])
    return port.outside


def _majors(pulumi: PulumiCli) -> Iterator[Problem]:
    """Services whose stored data, made by the image that the state names, is of another major than they read."""
    before = {}
    for resource in pulumi.state().get("resources") or []:
        if resource.get("type") == "docker:index/container:Container":
            labels = (resource.get("inputs") or {}).get("labels") or ()
            named = {item["label"]: item["value"] for item in labels}
            before[named.get("homeport.service")] = named.get("homeport.image", "")
    for service in pulumi.stack.plan.blueprint.services:
        was, now = service.data_major(before.get(service.name, "")), service.data_major(service.image)
        if was and was != now:
            yield Problem(
                f"services.{service.name}",
                f"its data is of major version {was}; {service.image} reads {now or 'no major that it names'}",
                f"Check out the homeport that made it, and export the data there; with this one, remove volume "
                f"{', '.join(own_volumes(pulumi.stack.plan.blueprint, service).values())}, update, and import it",
            )


def _stored(pulumi: PulumiCli) -> Iterator[Problem]:
    """What is stored says to the settings: databases by ``before_*.sql`` of their migrations, services by a question.

    Where nothing runs that could answer, nothing is stored that could be asked.
    """
    blueprint, stack = pulumi.stack.plan.blueprint, pulumi.stack.name
    asked = [*_of_databases(blueprint), *_of_services(blueprint)]
    for where in pulumi.daemons() if asked else ():
        for container, argv, script in asked:
            done = subprocess.run(
                argv, cwd=ROOT, env={**os.environ, **where}, input=script, capture_output=True, text=True, check=False
            )
            for line in done.stdout.splitlines() if done.returncode == 0 else ():
                path, what, fix = (*line.split("\t"), "", "")[:3]
                yield Problem(path, what, fix.replace("{container}", container).replace("{stack}", stack))


def _of_databases(blueprint: Blueprint) -> Iterator[tuple[str, list[str], str]]:
    """Container, command and its standard input for each database that has a question."""
    services = {service.name: service for service in blueprint.services}
    for database in blueprint.databases:
        if script := _question(database, blueprint):
            container = container_spec(blueprint, services[database.server]).name
            yield container, ["sh", "components/scripts/ask.sh", container, database.name], script


def _of_services(blueprint: Blueprint) -> Iterator[tuple[str, list[str], str]]:
    """The same for each service that has one."""
    for service in blueprint.services:
        if service.before:
            spec = container_spec(blueprint, service)
            env = [f"--env={key}={value}" for key, value in spec.env.items()]
            inside = '. components/scripts/docker_over_ssh.sh; docker exec -i "$@"'
            argv = ["sh", "-c", inside, "components/scripts/docker", *env, spec.name, *service.before.command]
            yield spec.name, argv, (ROOT / service.before.source).read_text(encoding="utf-8")


def _question(database: Database, blueprint: Blueprint) -> str:
    """The psql script that changes nothing and answers with problems; empty where there is none."""
    files = sorted((ROOT / database.migrations).glob("before_*.sql")) if database.migrations else []
    if not files:
        return ""
    from homeport.render.migrations import quoted  # noqa: PLC0415

    texts = blueprint.texts()
    variables = (
        f"\\set {name} {quoted(template.fill(value, texts, template.LINE))}\n" for name, value in database.variables
    )
    body = "\n".join(file.read_text(encoding="utf-8") for file in files)
    return f"{''.join(variables)}BEGIN READ ONLY;\n{body}\nROLLBACK;\n"
