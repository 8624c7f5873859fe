"""What the settings and a preset together may not say: each part is right, and both cannot be.

What the settings say by themselves is looked at in ``homeport.settings.checks``, what a blueprint says in
``homeport.model.check``.
"""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import TYPE_CHECKING, Any

from homeport.model import fixes, zones
from homeport.model.access import METRICS, People, public_hostnames
from homeport.model.access import problems as access_problems
from homeport.model.addresses import literal
from homeport.model.blueprint import LOOPBACK
from homeport.model.errors import Problem
from homeport.model.listeners import Listener, clashes, free_port
from homeport.model.network import free_network
from homeport.plan.hosts import opened, ssh_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.model.blueprint import Blueprint
    from homeport.model.service import Service
    from homeport.settings.schema import Settings

ROOT = "homeport:settings"


def contradictions(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    """Everything that the two cannot have together."""
    for look in (
        _exposure,
        _meshed,
        _placing,
        _apart,
        _published,
        _forwarded,
        _listeners,
        _opened,
        _networks,
        _hostnames,
    ):
        yield from look(settings, blueprint)


def _set(path: str, what: str, value: Any) -> Problem:
    return Problem(f"{ROOT}.{path}", what, fixes.put(f"{ROOT}.{path}", value))


def _drop(path: str, what: str) -> Problem:
    return Problem(f"{ROOT}.{path}", what, fixes.drop(f"{ROOT}.{path}"))


def _exposure(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    """What the settings can say but this version cannot do is refused, never ignored."""
    local = [name for name, host in sorted(settings.hosts.items()) if host.mode == "local"]
    proxies = [proxy.name for proxy in blueprint.proxies]
    exposure = settings.exposure
    if blueprint.tunnel_on_host and proxies:
        what = f"{proxies[0]} answers this preset's routes itself; no tunnel leads to it yet"
        yield _set("exposure", what, "local")
    if exposure == "direct" and not proxies:
        what = "opens nothing: no proxy is among the services, so nobody would come in"
        yield _set("exposure", what, "vpn" if settings.wireguard.peers and not local else "local")
    if local and (exposure == "vpn" or blueprint.tunnel_on_host):
        yield _set("exposure", f"{exposure} needs a server, and hosts.{local[0]} is this machine", "local")
    if local and settings.wireguard.enabled and exposure != "vpn":
        yield _set("wireguard.enabled", "homeport leaves this machine's own network alone", value=False)
    private = {blueprint.homes[service.name] for service in blueprint.services if _in_vpn(service)}
    if len(private) > 1:
        what = f"services in the VPN are on {' and '.join(sorted(private))}; one host has it"
        yield Problem(f"{ROOT}.hosts", what, "Give their services' hosts one role, or use one host")
    if exposure == "tunnel" and (blueprint.connector or not proxies):
        people = People(emails=settings.access.emails, domains=settings.access.email_domains)
        yield from access_problems(public_hostnames(blueprint), people)


def _meshed(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    """A mesh needs servers and a control server; what is reached by it alone needs a mesh."""
    if settings.mesh.enabled:
        running = {service.name for service in blueprint.services}
        if blueprint.mesh is None:
            yield _set("mesh.enabled", f"preset {blueprint.preset} has no mesh", value=False)
        elif blueprint.mesh.control not in running:
            yield _set("mesh.enabled", f"its control server, service {blueprint.mesh.control}, is off", value=False)
        elif not blueprint.mesh.members:
            yield _set("mesh.enabled", "homeport leaves this machine's own network alone", value=False)
    elif settings.ssh.reach == "mesh":
        yield _set("ssh.reach", "mesh.enabled is false: this would lock you out", "public")


def _in_vpn(service: Service) -> bool:
    return any(port.at == "vpn" for port in service.ports)


def _placing(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    roles = {*blueprint.roles, *(service.role for service in blueprint.services if service.role)}
    for name, host in sorted(settings.hosts.items()):
        for index, role in enumerate(host.roles):
            if role not in roles:
                known = ", ".join(sorted(roles)) or "none"
                what = f"this preset has no role {role}; known: {known}"
                yield _drop(f"hosts.{name}.roles[{index}]", what)


def _apart(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    """An app is where what leads to it is, and what it asks: a network of Docker does not leave its machine."""
    proxies = [proxy.name for proxy in blueprint.proxies]
    routed = {route.service for route in blueprint.routes}
    here = {service.name for service in blueprint.services} & set(settings.apps)
    roles = {role for host in settings.hosts.values() for role in host.roles}
    for name in sorted(here):
        role = settings.apps[name].role
        # One host has all roles; of several it would be any.
        if role and role not in roles and len(settings.hosts) > 1:
            known = ", ".join(sorted(roles)) or "none"
            yield _drop(f"apps.{name}.role", f"is no role of any host; known: {known}")
            continue
        home = blueprint.homes[name]
        wanted = [*(proxies if name in routed else ()), *blueprint.service(name).needs]
        for other in wanted:
            if blueprint.homes.get(other, home) != home:
                what = f"puts it on host {home}, and {other}, which it needs, is on {blueprint.homes[other]}"
                yield _drop(f"apps.{name}.role", what)


def _published(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    for service in blueprint.services:
        chosen = settings.services.get(service.name)
        own = service.ports and service.ports[0].at in {"vpn", "here"}
        if chosen is not None and chosen.port is not None and not own:
            what = "the service has no port in the VPN or on the loopback address, so nothing reads it"
            yield _drop(f"services.{service.name}.port", what)


def _forwarded(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    """A port that sshd forwards leads to something; one of a service that is off leads to nothing for now.

    This machine's sshd is nobody's of ours. A service whose port was changed in the settings is what a preset meant.
    """
    if all(host.mode == "local" for host in settings.hosts.values()):
        return
    every = (*blueprint.services, *blueprint.resting)
    ports = {port.outside for service in every for port in blueprint.published(service) if port.address == LOOPBACK}
    if settings.ssh.forward and settings.ssh.forward not in ports:
        known = ", ".join(map(str, sorted(ports))) or "none"
        what = f"no service of this stack listens at {LOOPBACK}:{settings.ssh.forward}; ports: {known}"
        meant = (service for service in every if settings.ssh.forward in {port.outside for port in service.ports})
        moved = [port.outside for service in meant for port in blueprint.published(service) if port.address == LOOPBACK]
        yield _set("ssh.forward", what, (moved or [min(ports)])[0]) if ports else _drop("ssh.forward", what)


def listeners(host: str, settings: Settings, blueprint: Blueprint) -> tuple[Listener, ...]:
    """The table of one host: all that this stack has listen there."""
    return (*_of_services(host, settings, blueprint), *_of_host(host, settings, blueprint))


def _of_services(host: str, settings: Settings, blueprint: Blueprint) -> Iterator[Listener]:
    for service in blueprint.services:
        if blueprint.homes[service.name] != host:
            continue
        for port, published in zip(blueprint.opened(service), blueprint.published(service), strict=True):
            edge = port.at == "edge"
            yield Listener(
                whose=f"service {service.name}",
                port=published.outside,
                protocol=published.protocol,
                address=published.address,
                path=f"edge.{port.name}_port" if edge else _port_of(service.name, settings),
                chosen=not edge and service.name in blueprint.ports,
            )


def _port_of(service: str, settings: Settings) -> str:
    return f"apps.{service}.route.port" if service in settings.apps else f"services.{service}.port"


def _of_host(host: str, settings: Settings, blueprint: Blueprint) -> Iterator[Listener]:
    machine, ssh = settings.hosts[host], settings.ssh
    if machine.mode == "local":
        return
    path = "ssh.port" if ssh.port or machine.mode == "create" else f"hosts.{host}.port"
    paths = (path, "ssh.previous")
    for number, where in zip(ssh_ports(host, settings), paths, strict=False):
        yield Listener(whose="sshd", port=number, path=where, chosen=where.startswith("ssh"))
    if blueprint.mesh:
        yield Listener(whose="the mesh", port=blueprint.mesh.port, protocol="udp", path="mesh.port", chosen=True)
    if blueprint.main_host == host:
        if blueprint.vpn:
            yield Listener(
                whose="WireGuard", port=blueprint.vpn.port, protocol="udp", path="wireguard.port", chosen=True
            )
        if blueprint.tunnel_on_host:
            address, _, port = METRICS.partition(":")
            yield Listener(whose="the tunnel's connector", port=int(port), address=address, path="exposure")
    for program in blueprint.programs:
        for own in program.ports if host in blueprint.program_hosts(program) else ():
            yield Listener(whose=f"the host's {program.name}", port=own.number, path="preset")


def _listeners(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    for host in sorted(settings.hosts):
        table = listeners(host, settings, blueprint)
        for moved, other in clashes(table):
            what = f"is port {moved.port} of {moved.whose}, which {other.whose} listens on too ({other.path})"
            if moved.path.startswith("services.") and moved.chosen and other.path != moved.path:
                yield _drop(moved.path, what)
            elif moved.path.startswith("hosts."):
                free = free_port(table, 22)
                first = f"Have sshd there listen on port {free} first."
                yield Problem(f"{ROOT}.{moved.path}", what, fixes.put(f"{ROOT}.{moved.path}", free, first=first))
            elif moved.path == "ssh.previous":
                yield _drop(moved.path, what)
            else:
                yield _set(moved.path, what, free_port(table, 22 if moved.path == "ssh.port" else moved.port))


def _opened(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    """What the stack listens on is opened, or kept for members or the loopback address, by what it says itself."""
    for host in sorted(settings.hosts):
        table = {(one.port, one.protocol): one for one in reversed(listeners(host, settings, blueprint))}
        held = {index: table[port] for index, port in enumerate(opened(host, settings)) if port in table}
        if held:
            path = f"{ROOT}.hosts.{host}.open"
            whose = ", ".join(f"{one.port}/{one.protocol} is {one.whose}'s ({one.path})" for one in held.values())
            # From the last on: who takes one out moves those behind it.
            commands = (fixes.drop_command(f"{path}[{index}]") for index in reversed(held))
            yield Problem(path, f"opens what the stack listens on: {whose}", fixes.run(*commands))


def _networks(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    networks = {network.name: IPv4Network(network.subnet) for network in blueprint.networks}
    for name, host in sorted(settings.hosts.items()):
        if host.mode != "adopt" or (address := literal(host.address)) is None:
            continue
        for network, subnet in networks.items():
            if address in subnet:
                what = f"holds the address of hosts.{name}: its traffic would stay there, which would lock you out"
                yield _set(f"networks.{network}", what, _free(blueprint, host.address))


def _free(blueprint: Blueprint, *addresses: str) -> str:
    taken = [IPv4Network(network.subnet) for network in blueprint.networks]
    taken += [IPv4Network(blueprint.vpn.subnet)] if blueprint.vpn else []
    taken += [IPv4Network(address) for address in addresses]
    return free_network(taken)


def _hostnames(settings: Settings, blueprint: Blueprint) -> Iterator[Problem]:
    """Records go into one zone; where Cloudflare answers itself, its certificate covers one level of names."""
    if settings.cloudflare is None or settings.exposure not in {"tunnel", "direct"}:
        return
    zone = settings.cloudflare.zone or zones.of(settings.domain)
    covered_otherwise = "edge-certificate" in settings.waivers
    taken = {blueprint.host(route) for route in blueprint.routes}
    for route in blueprint.routes:
        name = blueprint.host(route)
        if not zones.holds(zone, name):
            what = f"{name} is not in the zone {zone}, which its record would be written to"
            yield _set(f"hostnames.{route.name}", what, f"{route.name}.{zone}")
        elif settings.exposure == "tunnel" and not zones.covered(zone, name) and not covered_otherwise:
            what = f"{name} has no certificate at Cloudflare's edge, which covers one level below {zone}"
            flat = zones.flat(zone, name)
            flat = flat if flat not in taken else f"{route.name}-{flat}"
            # A zone may have another name than the domain's last labels tell.
            first = "" if settings.cloudflare.zone else "If the zone is another one, name it in cloudflare.zone."
            path = f"{ROOT}.hostnames.{route.name}"
            yield Problem(path, what, fixes.put(path, flat, first=first))
