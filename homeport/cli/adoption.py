"""What an update would take from others on a host, and what is missing there: named before anything is changed."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import TYPE_CHECKING

from homeport.cli.look import ANY, Listener, Look
from homeport.cli.phases import counted
from homeport.model import names
from homeport.model.access import public_hostnames
from homeport.render import (
    cloudflared,
    daemon_json,
    fail2ban,
    packages,
    shutdown,
    sshd,
    sysctl,
    systemd,
    ufw,
    wireguard,
)
from homeport.render.export import compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.model.blueprint import Blueprint
    from homeport.model.host import HostFile
    from homeport.model.network import Protocol
    from homeport.plan.hosts import HostPlan
    from homeport.plan.resolve import Plan

_MEBIBYTE = 1 << 10
_SPARE = 1.0
_PER_IMAGE = 0.6
"""GB of disk: what is left free, and what an image takes at its first pull, packed and unpacked (catalog/*/image.py:
n8n 1.2 GB, PostgreSQL 0.4, Redis 0.1)."""
_CLIENTS = {("udp", 68), ("udp", 546)}
"""DHCP: a client, and no service."""


@dataclass(frozen=True, kw_only=True)
class Obstacle:
    """One thing on a host that an update would not leave as it is, or cannot do without.

    Attributes:
        what: For a person: what it is, and what would become of it.
        key: The word of `take_over` that allows it; empty: it is not to be had.
        fix: What helps; empty where the key does.
    """

    what: str
    key: str = ""
    fix: str = ""


def claims(plan: Plan, host: HostPlan) -> list[tuple[str, str]]:
    """Sum and path of all that is laid on a host; ``-`` where what is there is somebody else's whatever it holds."""
    sums = [
        ("-" if file.template else hashlib.sha256(file.content.encode()).hexdigest(), file.path)
        for layer in layers(plan.blueprint, host).values()
        for file in layer
        # A name that only the update gives is nobody's yet.
        if "{" not in file.path
    ]
    programs = [cloudflared.PROGRAM] if _tunnel(plan.blueprint, host) else []
    return [*sums, *(("-", path) for path in (daemon_json.PATH, *programs, *_data_folders(host)))]


def _data_folders(host: HostPlan) -> list[str]:
    """The folders that volumes with data are."""
    volumes = [volume for service in host.services for volume in service.volumes.values()]
    return sorted({volume.folder for volume in (*volumes, *host.shared_volumes.values()) if volume.folder})


def layers(blueprint: Blueprint, host: HostPlan) -> dict[str, tuple[HostFile, ...]]:
    """What is laid on a host, by what it is for.

    As components and `homeport.stack` lay it; tests/unit/cli/test_adoption.py compares.
    """
    units = (wireguard.UNIT,) if host.vpn else ()
    ports, chains = host.ssh_ports, fail2ban.CHAINS if host.fail2ban else ()
    every = {
        "security upgrades": packages.files(),
        "kernel settings": sysctl.files(),
        "Docker": (
            *daemon_json.files(),
            systemd.docker_after(units),
            *shutdown.files(host.stop_order, units),
        ),
        "firewall": ufw.files(host.rules, chains),
        "sshd": sshd.files(ports=ports, users=(_user(host),), host_key=sshd.DISTRIBUTION_KEY),
        "VPN": wireguard.files(host.vpn, tuple(sorted({*host.wireguard.rotating} - {"server"}))) if host.vpn else (),
        "fail2ban": fail2ban.files(ports=ports, trusted=()) if host.fail2ban else (),
        "tunnel": cloudflared.files(public_hostnames(blueprint), units) if _tunnel(blueprint, host) else (),
        "compose file": compose.files(blueprint.preset),
    }
    return {purpose: files for purpose, files in every.items() if files}


def _tunnel(blueprint: Blueprint, host: HostPlan) -> bool:
    return blueprint.tunnel_on_host and host.name == blueprint.main_host


def _user(host: HostPlan) -> str:
    return host.machine.user if host.machine.mode == "adopt" else ""


def obstacles(plan: Plan, host: HostPlan, there: Look) -> list[Obstacle]:
    """All that stands against an update, those that the host's settings allow aside."""
    allowed = host.machine.take_over if host.machine.mode == "adopt" else ()
    every = [
        *_engine(there),
        *_disk(host, there),
        *_objects(plan.blueprint, host, there),
        *_subnets(host, there),
        *_ports(plan.blueprint, host, there),
        *_owned(host, there),
        *_closed(host, there),
    ]
    return [item for item in dict.fromkeys(every) if item.key not in allowed]


def _engine(there: Look) -> Iterator[Obstacle]:
    for (line,) in there.of("engine"):
        what, _, fix = line.partition("; ")
        yield Obstacle(what=f"{what}: a second Docker beside it would break both", fix=fix)
    if there.words("swarm"):
        # https://docs.docker.com/engine/containers/live-restore/
        fix = "docker swarm leave --force, there"
        yield Obstacle(what="Docker is in swarm mode, which cannot keep containers alive while it restarts", fix=fix)


def _disk(host: HostPlan, there: Look) -> Iterator[Obstacle]:
    # Where the host has had an update its images are there.
    need = _SPARE + (0 if there.of("unit") else _PER_IMAGE * len(set(host.images.values())))
    for folder, kibibytes in sorted(set(there.of("disk"))):
        free = int(kibibytes) / _MEBIBYTE / _MEBIBYTE
        if free < need:
            what = f"{free:.1f} GB are free in {folder}, and this stack needs {need:.1f} GB"
            yield Obstacle(
                what=what, fix=f"make room there, for example: docker system df; du -xh --max-depth 2 {folder}"
            )
            return


def _objects(blueprint: Blueprint, host: HostPlan, there: Look) -> Iterator[Obstacle]:
    space = blueprint.namespace
    volumes = {
        names.volume(space, service.name, key, volume.name)
        for service in host.services
        for key, volume in service.volumes.items()
        if volume.shared is None
    }
    wanted = {
        "container": {names.physical(space, service.name) for service in host.services},
        "volume": volumes | {names.shared_volume(space, key) for key in host.shared_volumes},
        "network": {names.physical(space, network.name) for network in host.networks},
    }
    for kind, expected in wanted.items():
        for name, label, *_ in there.of(kind):
            if name in expected and label != host.stack:
                whose = f"of stack {label}" if label else "not of homeport"
                fate = "Docker would use it, with all that is in it" if kind == "volume" else "its name is wanted"
                fix = "give this stack other names: homeport:settings.namespace; or rename or remove it there"
                yield Obstacle(what=f"{kind} {name} is {whose}: {fate}", fix=fix)


def _subnets(host: HostPlan, there: Look) -> Iterator[Obstacle]:
    own = {name for name, label, _ in there.of("network") if label == host.stack}
    networks = [
        (f"network {name}", text)
        for name, _, subnets in there.of("network")
        if name not in own
        for text in subnets.split()
    ]
    bridges = ("br-", "veth", "docker", "lo")
    cards = [(f"interface {card}", text) for card, text in there.of("address") if not card.startswith(bridges)]
    if there.words("wireguard") == ("homeport",):
        cards = [row for row in cards if row[0] != "interface wg0"]
    wanted = [(f"network {network.name}", "networks." + network.name, network.subnet) for network in host.networks]
    wanted += [("VPN", "wireguard.subnet", host.vpn.subnet)] if host.vpn else []
    for name, key, subnet in wanted:
        for other, text in (*networks, *cards):
            theirs = IPv4Network(text, strict=False) if ":" not in text else None
            if theirs and theirs.prefixlen and theirs.overlaps(IPv4Network(subnet)):
                what = f"{other} has {theirs}, which this stack's {name} wants ({subnet})"
                yield Obstacle(what=what, fix=f"set homeport:settings.{key} to another subnet")


def _ports(blueprint: Blueprint, host: HostPlan, there: Look) -> Iterator[Obstacle]:
    own = {name for name, label, _ in there.of("container") if label == host.stack}
    wanted: list[tuple[str, Protocol, str, int]] = [
        (service.name, port.protocol, port.address, port.outside)
        for service in host.services
        # In the host's network it is itself what listens there.
        if not (service.host_network and names.physical(host.namespace, service.name) in own)
        for port in blueprint.published(service)
    ]
    if host.vpn and there.words("wireguard") != ("homeport",):
        wanted.append(("WireGuard", "udp", "0.0.0.0", host.vpn.port))  # noqa: S104  # compared, not listened on
    held = there.listeners(host.stack)
    for purpose, protocol, address, port in wanted:
        for item in held:
            if (item.protocol, item.port) == (protocol, port) and (item.everywhere or address in {*ANY, item.address}):
                what = f"port {port}/{protocol}, which {purpose} wants, is held by {item.program or 'another program'}"
                yield Obstacle(what=what, fix=f"stop it there, or give {purpose} another port in homeport:settings")
                break
    for port in host.ssh_ports:
        for item in held:
            if (item.protocol, item.port) == ("tcp", port) and item.program not in {"sshd", "systemd", ""}:
                yield Obstacle(
                    what=f"port {port}/tcp, which sshd wants, is held by {item.program}",
                    fix="stop it there, or set homeport:settings.ssh.port to another",
                )
                break
    if there.words("wireguard") == ("other",) and host.vpn:
        ours = f"{wireguard.FOLDER}/wg0.conf"
        if ours not in there.words("file"):
            yield Obstacle(
                what="interface wg0 is not of homeport, and comes from no file", fix="ip link delete wg0, there"
            )


def _owned(host: HostPlan, there: Look) -> Iterator[Obstacle]:
    rules = ", ".join(f"{action} {port}" for action, port in there.of("ufw"))
    words = {
        daemon_json.PATH: "settings of Docker, merged with homeport's",
        "/etc/ufw/user.rules": f"UFW's rules, replaced by homeport's ({rules or 'none for IPv4'})",
        "/etc/ufw/ufw.conf": "whether UFW is on: it will be",
        f"{wireguard.FOLDER}/wg0.conf": "a VPN, taken down and replaced",
        cloudflared.CONFIG: "a tunnel, cut and replaced",
        **dict.fromkeys(_data_folders(host), "data, used as it is from then on"),
    }
    for path in there.words("file"):
        yield Obstacle(key=path, what=words.get(path, "replaced"))
    for user in sorted(set(there.words("login"))):
        if user != _user(host):
            yield Obstacle(key=f"login:{user}", what="may sign in over SSH, and could no more")
    if there.of("chain"):
        what = f"{len(there.of('chain'))} rules of others in Docker's chain of iptables, flushed"
        yield Obstacle(key="chain:DOCKER-USER", what=what)


def _closed(host: HostPlan, there: Look) -> Iterator[Obstacle]:
    """What the firewall of this host would shut from strangers, and nothing shuts today."""
    mode = there.words("firewall")
    if "homeport" in mode:
        return
    open_ports = {(opening.protocol, opening.port) for opening in host.openings}
    listeners: tuple[Listener, ...] = there.published(host.stack) if "ufw" in mode else there.listeners(host.stack)
    closing = {
        (item.protocol, item.port): item.program
        for item in listeners
        if not item.loopback
        and (item.protocol, item.port) not in {*open_ports, *_CLIENTS}
        and item.program not in {"sshd", "systemd-network"}
    }
    for (protocol, port), program in sorted(closing.items(), key=lambda row: (row[0][1], row[0][0])):
        opens = f"hosts.{host.name}.open"
        what = (
            f"{program or 'a program'} listens there; the firewall would close it to strangers, unless {opens} has it"
        )
        yield Obstacle(key=f"port:{port}/{protocol}", what=what)


def refusal(host: HostPlan, where: str, stack: str, found: list[Obstacle]) -> str:
    """All obstacles of a host as one text."""
    width = max((len(item.key) for item in found if item.key), default=0)
    against = f"{counted(len(found), 'thing')} there {'stands' if len(found) == 1 else 'stand'} against an update"
    lines = [
        f"host {host.name} ({where}): {against}; nothing was changed",
        *(f"    {item.what}\n      fix: {item.fix}" for item in found if not item.key),
        *(f"    {item.key.ljust(width)}  {item.what}" for item in found if item.key),
    ]
    keys = [item.key for item in found if item.key]
    if keys:
        allowed = list(host.machine.take_over) if host.machine.mode == "adopt" else []
        lines.append(
            "  fix: to have these taken over (files are kept aside, and put back by `down`), in "
            f"Pulumi.{stack}.yaml, below homeport:settings.hosts.{host.name}:\n"
            f"    take_over: {json.dumps([*allowed, *keys])}"
        )
    return "\n".join(lines)
