"""The settings laid over a preset: the blueprint of one stack."""

from __future__ import annotations

import re
from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from homeport.model import fixes
from homeport.model.addresses import mail, url
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.errors import BlueprintError, Problem
from homeport.model.mesh import Member, Mesh, Rule
from homeport.model.route import ACCESS_KINDS
from homeport.model.service import Port
from homeport.model.vpn import Peer, Vpn
from homeport.plan import apps, data_folder, folders, guests, zone
from homeport.settings.friendly import is_plain

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from homeport.model.host_program import HostProgram
    from homeport.model.preset import Option, Preset
    from homeport.model.route import Route
    from homeport.model.service import Service
    from homeport.settings.schema import ServiceOverride, Settings


def build_blueprint(preset: Preset, settings: Settings) -> Blueprint:
    """The preset in this stack, not yet checked for contradictions.

    Raises:
        BlueprintError: The settings name a service, network or route that the preset does not have.
    """
    offered = _refuse(preset, settings)
    preset = _chosen(offered, settings)
    off = apps.off(settings) | {name for name, chosen in settings.services.items() if chosen.enabled is False}
    laid = {volume.tool for volume in preset.shared_volumes.values()}
    routes = guests.routes(preset, settings)
    tunnel, client = settings.exposure == "tunnel", preset.mesh.client if preset.mesh else ""
    running = [service for service in preset.services if tunnel or not service.connector]
    whole = Blueprint(
        preset=preset.name,
        environment=settings.environment,
        domain=settings.domain,
        services=tuple(
            _opened(
                _service(folders.laid(service, preset, settings), settings.services.get(service.name)), routes, settings
            )
            for service in running
        ),
        networks=tuple(
            replace(network, subnet=str(settings.networks.get(network.name, network.subnet)))
            for network in preset.networks
        ),
        routes=routes,
        databases=preset.databases,
        shared_volumes=preset.shared_volumes,
        edge=_edge(settings),
        exposure=settings.exposure,
        homes=homes(preset, settings),
        vpn=_vpn(settings),
        ports={name: chosen.port for name, chosen in settings.services.items() if chosen.port is not None},
        protect_data=settings.protect_data,
        namespace=settings.namespace,
        hostnames={**apps.hostnames(settings), **guests.hostnames(settings), **settings.hostnames},
        values={**apps.LITERALS, **_values(preset, settings)},
        skipped=_skipped(offered, settings),
        connections=preset.connections,
        calls=preset.calls,
        tools={
            name: image
            for name, image in preset.tools.items()
            if (settings.mesh.enabled if name == client else settings.exposure == "tunnel" or name in laid)
        },
        next_steps=tuple(step.text for step in preset.next_steps if step.service not in off),
        people=_people(settings),
        joined=settings.join,
        checkout=preset.checkout,
        roles=tuple(preset.roles),
    )
    whole = replace(whole, services=tuple(_beside(whole, service) for service in whole.services))
    whole = data_folder.placed(replace(whole, mesh=_mesh(preset, settings, whole)), settings)
    places = {program.name: _program_homes(program, whole.main_host, settings) for program in preset.programs}
    left_out = (program for program in preset.programs if not places[program.name])
    programs = tuple(program for program in preset.programs if places[program.name])
    whole = replace(
        whole,
        programs=programs,
        program_homes=places,
        tools={**whole.tools, **{tool: preset.tools[tool] for program in programs for tool in program.tools}},
        skipped=(*whole.skipped, *(f"{program.name}: {_nowhere(program, settings)}" for program in left_out)),
    )
    return _let_in(whole.without(frozenset(off)))


def _chosen(preset: Preset, settings: Settings) -> Preset:
    """The preset without what is for sections that the settings leave out."""
    unused = {name for name in preset.groups if settings.group(name) is None}
    programs = tuple(program for program in preset.programs if program.section not in unused)
    idle = {tool for program in preset.programs if program not in programs for tool in program.tools}
    return replace(
        preset,
        routes=tuple(route for route in preset.routes if route.section not in unused),
        programs=programs,
        tools={name: image for name, image in preset.tools.items() if name not in idle},
    )


def _nowhere(program: HostProgram, settings: Settings) -> str:
    """Why no host has a program."""
    if all(host.mode == "local" for host in settings.hosts.values()):
        return "homeport runs no program on this machine itself"
    return f"no server has the role {' or '.join(program.roles)}"


def _let_in(blueprint: Blueprint) -> Blueprint:
    """With rules of the mesh for the proxies that lead to programs of other members: to those ports alone."""
    mesh = blueprint.mesh
    if mesh is None:
        return blueprint
    ways = []
    for route in blueprint.routes:
        proxy = blueprint.proxy_of(route)
        source = next((member for member in mesh.members if proxy and member.name == blueprint.homes[proxy.name]), None)
        target = mesh.member(next(iter(route.members), ""))
        if proxy and source and target:
            # By the role that has led the proxy there, so that another host of that role takes over as it is.
            tag = proxy.role if proxy.role in source.tags else source.tags[0]
            role = route.members[0] if route.members[0] in target.tags else target.tags[0]
            port = str(urlsplit(blueprint.target(route)).port or 80)
            ways.append(Rule(sources=(f"tag:{tag}",), targets=(f"tag:{role}",), ports=port, protocol="tcp"))
    return replace(blueprint, mesh=replace(mesh, rules=(*mesh.rules, *dict.fromkeys(ways))))


def _program_homes(program: HostProgram, main: str, settings: Settings) -> tuple[str, ...]:
    """The hosts that a program runs on; never this machine."""
    hosts = settings.hosts
    fit = [name for name in hosts if {*program.roles} & {*hosts[name].roles} or not hosts[name].roles]
    return tuple(name for name in sorted(fit if program.roles else [main]) if hosts[name].mode != "local")


def _refuse(preset: Preset, settings: Settings) -> Preset:
    """The preset with the apps in it, once nothing is wrong."""
    if problems := tuple(apps.problems(preset, settings)):
        raise BlueprintError((*problems, *strangers([preset], settings.model_dump())))
    preset = apps.with_apps(preset, settings)
    problems = (
        *_proxy_off(preset, settings),
        *_limits(preset, settings),
        *_majors(preset, settings),
        *strangers([preset], settings.model_dump()),
        *guests.problems(preset, settings),
        *_options(preset, settings),
        *folders.problems(preset, settings),
        *_groups(preset, settings),
        *_homeless(preset, settings),
    )
    if problems:
        raise BlueprintError(problems)
    return preset


def _proxy_off(preset: Preset, settings: Settings) -> list[Problem]:
    """A proxy that is off while what only it can guard is on."""
    off = {name for name, chosen in settings.services.items() if chosen.enabled is False}
    home = homes(preset, settings)
    # Where two proxies are on one machine, either of them opens what the other did.
    served = {home[service.name] for service in preset.services if service.edge and service.name not in off}
    guarded = [
        route
        for route in guests.routes(preset, settings)
        if route.service not in off
        and not {guard.kind for guard in route.guards} <= ACCESS_KINDS
        # What is not of this stack any proxy opens.
        and not (home[route.service] in served if route.service in home else served)
    ]
    return [
        Problem(
            fixes.of_service(service.name, "enabled"),
            f"is false, but route {route.name} to {route.service} is guarded by it alone",
            fixes.put(fixes.of_service(service.name, "enabled"), value=True),
        )
        for service in preset.services
        if service.edge and service.name in off
        for route in guarded
    ]


def _limits(preset: Preset, settings: Settings) -> list[Problem]:
    chosen = {name: override.memory for name, override in settings.services.items() if override.memory}
    return [
        Problem(
            fixes.of_service(service.name, "memory"),
            f"is less than the {service.limits.least} MB that it needs",
            fixes.put(fixes.of_service(service.name, "memory"), service.limits.least),
        )
        for service in preset.services
        if chosen.get(service.name, service.limits.least) < service.limits.least
    ]


def _majors(preset: Preset, settings: Settings) -> list[Problem]:
    """Images whose software cannot read the data that the catalog's has stored, or do not say whether it can."""
    chosen = {name: override.image for name, override in settings.services.items() if override.image}
    return [
        Problem(
            f"homeport:settings.services.{service.name}.image",
            f"must be of major version {service.data_major(service.image)}, by a tag that says so: "
            "data of one major is read by no other",
            fixes.put(f"homeport:settings.services.{service.name}.image", service.image),
        )
        for service in preset.services
        if service.major
        and service.name in chosen
        and service.data_major(chosen[service.name]) != service.data_major(service.image)
    ]


def _edge(settings: Settings) -> Edge:
    return Edge(
        bind=str(settings.edge.bind),
        ports={"http": settings.edge.http_port, "https": settings.edge.https_port},
        public=settings.exposure == "direct",
        acme_email=settings.acme_email,
        authority=zone.authority(settings),
    )


def _vpn(settings: Settings) -> Vpn | None:
    private = settings.wireguard
    if not private.enabled:
        return None
    peers = (
        Peer(name=name, slot=peer.slot, public_key=peer.public_key, ports=tuple(sorted(peer.ports)))
        for name, peer in private.peers.items()
    )
    members = tuple(sorted(peers, key=lambda peer: peer.slot))
    return Vpn(subnet=str(private.subnet), slot=private.slot, port=private.port, peers=members)


def _mesh(preset: Preset, settings: Settings, blueprint: Blueprint) -> Mesh | None:
    """Every host that is not this machine is a member, tagged with its roles."""
    spec, chosen = preset.mesh, settings.mesh
    if spec is None or not chosen.enabled:
        return None
    members = tuple(
        Member(name=name, tags=tuple(sorted(host.roles)) or (name,))
        for name, host in sorted(settings.hosts.items())
        if host.mode != "local"
    )
    known = {f"tag:{tag}" for member in members for tag in member.tags}
    server = next(route for route in blueprint.routes if route.name == spec.route)
    return Mesh(
        server=blueprint.host(server),
        base_domain=chosen.base_domain or f"mesh.{settings.domain}",
        members=members,
        control=spec.control,
        client=spec.client,
        users=chosen.users,
        rules=(
            *(
                rule
                for rule in spec.rules
                if {name for name in (*rule.sources, *rule.targets) if name.startswith("tag:")} <= known
            ),
            *(Rule(sources=(user,), targets=tuple(sorted(known))) for user in chosen.users if known),
        ),
        port=chosen.port,
    )


def homes(preset: Preset, settings: Settings) -> dict[str, str]:
    """Service name to host name: the host with the service's role, else the first of those that take everything."""
    hosts = sorted(settings.hosts)
    open_to_all = [name for name in hosts if not settings.hosts[name].roles]
    result = {}
    for service in preset.services:
        fit = [name for name in hosts if service.role and service.role in settings.hosts[name].roles]
        result[service.name] = next(iter([*fit, *open_to_all]), "")
    return result


def _homeless(preset: Preset, settings: Settings) -> list[Problem]:
    return [
        Problem(
            "homeport:settings.hosts",
            f"no host takes service {service}: none has its role{f' {role}' if role else ''}, and none takes "
            "everything",
            fixes.drop(f"homeport:settings.hosts.{next(iter(sorted(settings.hosts)))}.roles"),
        )
        for service, role in sorted((service.name, service.role) for service in preset.services)
        if not homes(preset, settings)[service]
    ]


def _options(preset: Preset, settings: Settings) -> list[Problem]:
    wrong = [
        Problem(
            f"homeport:settings.options.{name}",
            f"must be {preset.options[name].shape}",
            fixes.drop(f"homeport:settings.options.{name}"),
        )
        for name, text in sorted(settings.options.items())
        if name in preset.options and _option(preset.options[name], text) is None
    ]
    return wrong or _exceeding(preset, settings)


def _exceeding(preset: Preset, settings: Settings) -> list[Problem]:
    """Options that are more than the one that bounds them; each by itself is as it must be."""
    values = {name: settings.options.get(name, option.default) for name, option in preset.options.items()}
    return [
        Problem(
            f"homeport:settings.options.{name}",
            f"must be at most {option.at_most}, which is {values[option.at_most]}",
            fixes.drop(f"homeport:settings.options.{name if name in settings.options else option.at_most}"),
        )
        for name, option in preset.options.items()
        if option.at_most and float(values[name]) > float(values[option.at_most])
    ]


def _option(option: Option, text: str) -> str | None:
    """The text of an option as it is meant; None where it is none of its kind."""
    if not text and not option.default:
        return text
    if option.kind == "number":
        fits = re.fullmatch("0|[1-9][0-9]{0,17}", text) and option.low <= int(text) <= option.high
        return text if fits else None
    if option.kind == "folder":
        return text if folders.SHAPE.fullmatch(text) else None
    if option.kind == "text":
        return text if re.fullmatch(option.pattern, text) else None
    try:
        return url(text) if option.kind == "url" else mail(text)
    except ValueError:
        return None


def _values(preset: Preset, settings: Settings) -> dict[str, str]:
    """What ``{name}`` in the preset's texts stands for: its options, and its groups of options as ``group-option``."""
    values = {
        name: _option(option, settings.options.get(name, option.default)) or ""
        for name, option in preset.options.items()
    }
    for name, group in preset.groups.items():
        chosen = settings.group(name) or {option: field.default for option, field in group.options}
        values |= {f"{name}-{option}": str(value) for option, value in chosen.items()}
    # Some sign-in pages refuse an address without a dot, so not owner@localhost.
    owner = f"owner@{settings.domain if '.' in settings.domain else 'example.com'}"
    return {**values, "owner-email": values.get("owner-email") or settings.acme_email or owner}


def _people(settings: Settings) -> str:
    """Whom Cloudflare Access lets in, in words."""
    access = settings.access
    names = [*map(str, access.emails), *(f"anybody @{domain}" for domain in access.email_domains)]
    how = "Google" if access.login == "google" else "a code by mail"
    return f"{' or '.join(names)}, by {how}" if names else ""


def _groups(preset: Preset, settings: Settings) -> list[Problem]:
    return [
        Problem(
            f"homeport:settings.{name}",
            f"the preset {preset.name} does not read it",
            fixes.drop(f"homeport:settings.{name}"),
        )
        for name in settings.groups
        if name not in preset.groups
    ]


def strangers(presets: Sequence[Preset], settings: Mapping[str, Any]) -> Iterator[Problem]:
    """Names in the settings that the preset does not have; or none of several, where it is not known which it is."""
    chosen = settings.get("apps")
    more = apps.names(chosen if isinstance(chosen, dict) else {})
    known = {
        "services": {service.name for preset in presets for service in preset.services},
        "networks": {network.name for preset in presets for network in preset.networks},
        "hostnames": {
            *(route.name for preset in presets for route in (*preset.routes, *preset.guests)),
            *(key for key in _section(settings, "guests") if is_plain(key)),
        },
        "options": {option for preset in presets for option in preset.options},
    }
    nobody = "the preset has no" if len(presets) == 1 else "no preset has"
    for section, own in known.items():
        chosen, names = settings.get(section), own | more.get(section, set())
        for name in sorted({key for key in chosen if is_plain(key)} - names) if isinstance(chosen, dict) else ():
            near = get_close_matches(name, sorted(names), n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; known: {', '.join(sorted(names)) or 'none'}"
            path = f"homeport:settings.{section}.{name}"
            yield Problem(path, f"{nobody} {name}{hint}", fixes.drop(path))


def _section(settings: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    section = settings.get(name)
    return section if isinstance(section, dict) else {}


def _opened(service: Service, routes: tuple[Route, ...], settings: Settings) -> Service:
    """The proxy with a port on the loopback address for each route that has one there; any other service as it is."""
    if not service.edge or settings.exposure != "local":
        return service
    here = (Port(name=route.name, inside=route.here, outside=route.here, at="here") for route in routes if route.here)
    return replace(service, ports=(*service.ports, *here))


def _beside(blueprint: Blueprint, service: Service) -> Service:
    """One of several proxies, on its own network and on those of what is on its host; any other service as it is."""
    if len(blueprint.proxies) < 2 or not service.edge:  # noqa: PLR2004
        return service
    home = blueprint.homes[service.name]
    others = (other for other in blueprint.services if not other.edge and blueprint.homes[other.name] == home)
    there = {network for other in others for network in other.networks}
    return replace(service, networks=tuple(net for net in service.networks if net in {*there, service.networks[0]}))


def _service(service: Service, override: ServiceOverride | None) -> Service:
    if override is None:
        return service
    limits = replace(
        service.limits,
        memory=override.memory or service.limits.memory,
        sized_for=(service.limits.sized_for or service.limits.memory) if override.memory else service.limits.sized_for,
        cpus=str(override.cpus) if override.cpus else service.limits.cpus,
    )
    build = None if override.image else service.build
    return replace(service, limits=limits, image=override.image or service.image, build=build)


def _skipped(preset: Preset, settings: Settings) -> tuple[str, ...]:
    """What this stack does without, in words: nothing is left out silently."""
    skipped: list[str] = []
    modes = {host.mode for host in settings.hosts.values()}
    if modes == {"local"}:
        skipped.append("server, SSH, firewall, WireGuard: the host is this machine")
    elif not settings.wireguard.enabled:
        skipped.append("WireGuard: no peer is named below homeport:settings.wireguard.peers")
    if settings.exposure == "local" or (settings.exposure == "vpn" and settings.dns is None):
        skipped.append("DNS, Cloudflare tunnel, Access: nothing is opened beyond " + str(settings.edge.bind))
    elif settings.exposure == "direct" and not zone.provider(settings):
        skipped.append("DNS records: no Cloudflare account is named; point the host names at the server yourself")
    elif settings.exposure == "direct" and modes == {"local"}:
        skipped.append("DNS records: this machine's public address is not known; point the host names at it yourself")
    for service in preset.services if "local" in modes else ():
        wanted = ", ".join(f"{key}={value}" for key, value in sorted(service.kernel.items()))
        if wanted and settings.hosts[homes(preset, settings)[service.name]].mode == "local":
            skipped.append(f"{wanted} for {service.name}: homeport leaves this machine's kernel alone")
    if settings.exposure != "tunnel":
        skipped += [
            f"{service.name}: no tunnel leads to this stack" for service in preset.services if service.connector
        ]
    if modes != {"local"}:
        skipped += [
            f"{program.name}: nothing is copied until homeport:settings.{program.section} says where to"
            for program in preset.programs
            if program.backup and program.section and settings.group(program.section) is None
        ]
    absent = (group.skipped for name, group in preset.groups.items() if settings.group(name) is None)
    return (*skipped, *filter(None, absent))
