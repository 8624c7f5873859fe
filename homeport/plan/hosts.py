"""Each host of a stack, decided: what runs on it, what may reach it, in which order its containers end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from homeport.model import names
from homeport.model.blueprint import LOOPBACK
from homeport.model.firewall import CONTAINERS, MESH, VPN, ContainerWays, FirewallRule
from homeport.model.host import Opening
from homeport.model.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeport.model.blueprint import Blueprint
    from homeport.model.host_program import HostProgram
    from homeport.model.network import Network, Protocol
    from homeport.model.service import Port, Service, Volume
    from homeport.model.vpn import Vpn
    from homeport.settings.hosts import AdoptHost, CreateHost, LocalHost
    from homeport.settings.schema import Settings
    from homeport.settings.vpn import WireGuard

_SSH = 22


@dataclass(frozen=True, kw_only=True)
class HostPlan:
    """One host.

    Attributes:
        name: The host's name in the settings.
        stack: The stack's name.
        namespace: Prefix of names in Docker.
        protect: Whether a rented server and its address are kept from deletion.
        machine: How it is provisioned.
        services: What runs on it.
        images: Name of a service, or of a tool for the host, to the reference of its image.
        builds: Name of a service whose image is built there to the folder that it is built from.
        networks: The Docker networks that its services use.
        shared_volumes: The volumes that several of its services mount, by name.
        ssh_ports: Where sshd is to listen; while the port changes, the one before comes second.
        ssh_address: Where sshd is reached; empty: at the host's own address.
        ssh_through: Command that leads there, as ssh's ProxyCommand; empty: the program's own machine reaches it.
        openings: What strangers may reach; both firewalls, the cloud's and the host's own, let it in.
        rules: All that the host's own firewall lets in: the openings, and for members of the VPN their services.
        ways: Where its containers may open connections to.
        vpn: The VPN, on the host that it ends on.
        wireguard: What the settings say of the VPN's keys.
        fail2ban: Whether addresses that guess at SSH are shut out.
        forward: The port of its loopback address that sshd forwards, because a service listens there; 0: none.
        kernel: Settings of its kernel that services on it want, by name.
        stop_order: Its containers as they end when the machine goes down: what needs others before those.
        programs: What runs on it outside of every container.
        runner: The runner of a repository's jobs on it; None: none is asked for, or it is not the main host.
    """

    name: str
    stack: str
    namespace: str
    protect: bool
    machine: LocalHost | AdoptHost | CreateHost
    services: tuple[Service, ...]
    images: Mapping[str, str]
    builds: Mapping[str, str]
    networks: tuple[Network, ...]
    shared_volumes: Mapping[str, Volume]
    ssh_ports: tuple[int, ...]
    ssh_address: str
    ssh_through: str
    openings: tuple[Opening, ...]
    rules: tuple[FirewallRule, ...]
    ways: ContainerWays
    vpn: Vpn | None
    wireguard: WireGuard
    fail2ban: bool
    forward: int
    kernel: Mapping[str, str]
    stop_order: tuple[tuple[str, ...], ...]
    programs: tuple[HostProgram, ...] = ()
    runner: Runner | None = None


def plan_hosts(stack: str, settings: Settings, blueprint: Blueprint) -> dict[str, HostPlan]:
    """All hosts of a stack, by name."""
    return {name: _host(name, stack, settings, blueprint) for name in sorted(settings.hosts)}


def _host(name: str, stack: str, settings: Settings, blueprint: Blueprint) -> HostPlan:
    services = tuple(service for service in blueprint.services if blueprint.homes[service.name] == name)
    main = name == blueprint.main_host
    vpn = blueprint.vpn if main else None
    programs = tuple(program for program in blueprint.programs if name in blueprint.program_hosts(program))
    mesh = blueprint.mesh if settings.hosts[name].mode != "local" else None
    ports = ssh_ports(name, settings)
    openings = (*_openings(settings, blueprint, services, ports, vpn), *_owners(name, settings))
    networks = {network for service in services for network in service.networks}
    shared = {volume.shared for service in services for volume in service.volumes.values() if volume.shared}
    volumes = {key: volume for key, volume in blueprint.shared_volumes.items() if key in shared}
    laid = {volume.tool for volume in blueprint.shared_volumes.values()}
    client = {mesh.client} if mesh else set()
    others = {*blueprint.tools} - laid - ({blueprint.mesh.client} if blueprint.mesh else set())
    tools = {volume.tool for volume in volumes.values()} | (others if main else set()) | client
    tools |= {tool for program in programs for tool in program.tools}
    return HostPlan(
        name=name,
        stack=stack,
        namespace=blueprint.namespace,
        protect=blueprint.protect_data,
        machine=settings.hosts[name],
        services=services,
        images={service.name: service.image for service in services}
        | {tool: image for tool, image in blueprint.tools.items() if tool in tools},
        builds={service.name: service.build.folder for service in services if service.build},
        networks=tuple(
            replace(network, mtu=settings.hosts[name].mtu or network.mtu)
            for network in blueprint.networks
            if network.name in networks
        ),
        shared_volumes=volumes,
        ssh_ports=ports,
        ssh_address=_ssh_address(name, settings, blueprint),
        ssh_through=settings.ssh.through or "",
        openings=openings,
        rules=(
            *_public_rules(openings, services),
            *(_vpn_rules(settings, blueprint, services, ports, vpn) if vpn else ()),
            *(_mesh_rules(ports) if mesh else ()),
            *_program_rules(programs, tuple(net for net in blueprint.networks if net.name in networks)),
        ),
        ways=ContainerWays(
            closed=tuple(net.subnet for net in blueprint.networks if net.name in networks and not net.way_out),
            vpn=vpn is not None,
            calls=blueprint.member_calls() if vpn else (),
            mesh=mesh is not None,
            mesh_calls=blueprint.mesh_calls(services) if mesh else (),
        ),
        vpn=vpn,
        wireguard=settings.wireguard,
        fail2ban=settings.ssh.fail2ban,
        forward=next((port for port in _loopback(blueprint, services) if port == settings.ssh.forward), 0),
        kernel={key: value for service in services for key, value in sorted(service.kernel.items())},
        stop_order=_stop_order(blueprint, services),
        programs=programs,
        runner=_runner(settings) if main else None,
    )


def _ssh_address(name: str, settings: Settings, blueprint: Blueprint) -> str:
    return inner_addresses(name, blueprint).get(settings.ssh.reach, "")


def inner_addresses(name: str, blueprint: Blueprint) -> dict[str, str]:
    """Where a host is reached by members of its private networks alone, by what ``ssh.reach`` calls each."""
    inner = {"vpn": blueprint.vpn.address} if blueprint.vpn else {}
    for member in blueprint.mesh.members if blueprint.mesh else ():
        if blueprint.mesh and member.name == name:
            inner["mesh"] = blueprint.mesh.hostname(member)
    return inner


def _runner(settings: Settings) -> Runner | None:
    chosen = settings.runner
    if chosen is None:
        return None
    return Runner(
        name=chosen.name,
        url=chosen.repository,
        labels=chosen.labels,
        archive=chosen.archive,
        sha256=chosen.sha256,
        docker="they build images and put them live",
    )


def ssh_ports(name: str, settings: Settings) -> tuple[int, ...]:
    """Where sshd of a host listens; while the port changes, the one before comes second."""
    host, previous = settings.hosts[name], settings.ssh.previous
    port = settings.ssh.port or (host.port if host.mode == "adopt" else _SSH)
    return (port, previous) if previous and previous != port else (port,)


def _loopback(blueprint: Blueprint, services: tuple[Service, ...]) -> Iterator[int]:
    """TCP ports of the host's loopback address that services publish."""
    for service in services:
        for port in blueprint.published(service):
            if (port.address, port.protocol) == (LOOPBACK, "tcp"):
                yield port.outside


def _openings(
    settings: Settings, blueprint: Blueprint, services: tuple[Service, ...], ssh_ports: tuple[int, ...], vpn: Vpn | None
) -> Iterator[Opening]:
    if settings.ssh.reach == "public":
        for port in ssh_ports:
            yield Opening(purpose="SSH", port=port, sources=settings.ssh.sources)
    if blueprint.mesh:
        yield Opening(purpose="mesh", port=blueprint.mesh.port, protocol="udp")
        for stun in _of_mesh(services):
            yield Opening(purpose=stun.name.upper(), port=stun.outside, protocol=stun.protocol)
    if vpn:
        yield Opening(purpose="WireGuard", port=vpn.port, protocol="udp")
    if settings.exposure == "direct":
        for service in services:
            for edge in (port for port in service.ports if port.at == "edge"):
                number = blueprint.edge.ports[edge.name]
                yield Opening(purpose=edge.name.upper(), port=number, protocol=edge.protocol)


def _owners(name: str, settings: Settings) -> Iterator[Opening]:
    """What the host's owner opens; the rule says in ``ufw status`` and at the cloud where it comes from."""
    for number, protocol in opened(name, settings):
        yield Opening(purpose=f"hosts.{name}.open", port=number, protocol=protocol, owners=True)


def opened(name: str, settings: Settings) -> tuple[tuple[int, Protocol], ...]:
    """The ports that a host's owner opens, with their protocols."""
    host = settings.hosts[name]
    parts = (text.partition("/") for text in (host.open if host.mode != "local" else ()))
    return tuple((int(number), cast("Protocol", protocol)) for number, _, protocol in parts)


def _public_rules(openings: tuple[Opening, ...], services: tuple[Service, ...]) -> Iterator[FirewallRule]:
    """Docker forwards to a proxy in a network of its own; one in the host's network is a program of the host.

    Behind what the owner opens can be either: a rule that is published lets both in.
    """
    forwarded = any(service.edge and not service.host_network for service in services)
    proxied = {opening.port for opening in openings if forwarded and opening.purpose in {"HTTP", "HTTPS"}}
    proxied |= {port.outside for port in _of_mesh(services)}
    for opening in openings:
        yield FirewallRule(opening=opening, published=opening.owners or opening.port in proxied)


def _of_mesh(services: tuple[Service, ...]) -> tuple[Port, ...]:
    """Ports of the control server by which members find each other."""
    return tuple(port for service in services for port in service.ports if port.at == "mesh")


def _vpn_rules(
    settings: Settings, blueprint: Blueprint, services: tuple[Service, ...], ssh_ports: tuple[int, ...], vpn: Vpn
) -> Iterator[FirewallRule]:
    if settings.ssh.reach == "vpn":
        for number in ssh_ports:
            yield FirewallRule(opening=Opening(purpose="SSH", port=number), via=VPN)
    for service in services:
        for port in blueprint.published(service):
            if port.address == vpn.address:
                opening = Opening(purpose=service.name, port=port.outside, protocol=port.protocol)
                yield FirewallRule(opening=opening, via=VPN, published=True, address=port.address)


def _mesh_rules(ssh_ports: tuple[int, ...]) -> Iterator[FirewallRule]:
    """SSH, also while it is public: that this way works is seen before the other closes. The policy says for whom."""
    for number in ssh_ports:
        yield FirewallRule(opening=Opening(purpose="SSH", port=number), via=MESH)


def _program_rules(programs: tuple[HostProgram, ...], networks: tuple[Network, ...]) -> Iterator[FirewallRule]:
    """Without a subnet nobody is let in: a rule without sources would be for every container."""
    for program in programs:
        for port in program.ports:
            if port.members:
                yield FirewallRule(opening=Opening(purpose=program.name, port=port.number), via=MESH)
            subnets = tuple(net.subnet for net in networks if net.name in port.reachable)
            if subnets:
                opening = Opening(purpose=program.name, port=port.number, sources=subnets)
                yield FirewallRule(opening=opening, via=CONTAINERS)


def _stop_order(blueprint: Blueprint, services: tuple[Service, ...]) -> tuple[tuple[str, ...], ...]:
    here = {service.name: names.physical(blueprint.namespace, service.name) for service in services}
    waves = [tuple(here[service.name] for service in wave if service.name in here) for wave in blueprint.waves()]
    return tuple(wave for wave in reversed(waves) if wave)
