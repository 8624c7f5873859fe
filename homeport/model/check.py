"""What a blueprint must satisfy before anything is registered. Each check yields all that it finds."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Network
from itertools import combinations
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from homeport.model import fixes, template
from homeport.model.addresses import host_name
from homeport.model.database import database_name_problem
from homeport.model.errors import BlueprintError, Problem
from homeport.model.image import floats
from homeport.model.mesh import RANGE
from homeport.model.network import RESERVED, free_network
from homeport.model.route import ACCESS_KINDS
from homeport.model.service import ALLOWED_CAPABILITIES, PORT_PLACES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from homeport.model.blueprint import Blueprint
    from homeport.model.host_program import HostProgram, ProgramPort
    from homeport.model.route import Guard, Route
    from homeport.model.service import Service

_CATALOG = "Fix it in the preset's folder below catalog/presets/, or in the service's, catalog/<service>/."
_MAX_NAME = 63


def check(blueprint: Blueprint) -> Blueprint:
    """The blueprint itself, if it holds together.

    Raises:
        BlueprintError: With every problem that was found, not only the first.
    """
    if found := problems(blueprint):
        raise BlueprintError(found)
    return blueprint


def problems(blueprint: Blueprint) -> tuple[Problem, ...]:
    """Everything in a blueprint that does not hold together."""
    return (
        *_twins(blueprint),
        *_networks(blueprint),
        *(problem for service in blueprint.services for problem in _service(blueprint, service)),
        *(problem for service in blueprint.services for problem in _image_and_way_out(blueprint, service)),
        *_hardening(blueprint.services),
        *_host_network(blueprint),
        *_deployed(blueprint),
        *_ports(blueprint),
        *_routes(blueprint),
        *_databases(blueprint),
        *_names(blueprint),
        *_needs(blueprint),
        *_programs(blueprint),
        *(blueprint.mesh.problems() if blueprint.mesh else ()),
    )


def _repeated(values: Iterable[str]) -> list[str]:
    return [value for value, uses in Counter(values).items() if uses > 1]


def _twins(blueprint: Blueprint) -> Iterator[Problem]:
    for name in _repeated(service.name for service in blueprint.services):
        yield Problem(f"services.{name}", "two containers have this name; Docker takes one", _CATALOG)
    for name in _repeated(network.name for network in blueprint.networks):
        yield Problem(f"networks.{name}", "two networks have this name", _CATALOG)
    for name in _repeated(blueprint.host(route) for route in blueprint.routes):
        last = [route.name for route in blueprint.routes if blueprint.host(route) == name][-1]
        fix = fixes.put(f"{fixes.SETTINGS}.hostnames.{last}", "<another host name>")
        yield Problem(f"routes.{name}", "two routes have this host name", fix)
    listening = [
        (
            blueprint.homes.get(service.name, ""),
            f"{port.address}:{port.outside}" + ("" if port.protocol == "tcp" else f"/{port.protocol}"),
        )
        for service in blueprint.services
        for port in blueprint.published(service)
    ]
    for place in sorted({place for (_, place), uses in Counter(listening).items() if uses > 1}):
        fix = fixes.put(f"{fixes.SETTINGS}.edge.https_port", "<a free port>", first="Or give a service another port.")
        yield Problem(f"ports.{place}", "is published twice", fix)


def _networks(blueprint: Blueprint) -> Iterator[Problem]:
    known = [(f"networks.{network.name}", IPv4Network(network.subnet)) for network in blueprint.networks]
    if blueprint.vpn:
        known.append(("wireguard.subnet", IPv4Network(blueprint.vpn.subnet)))
    taken = [subnet for _, subnet in known]
    for (first, left), (second, right) in combinations(known, 2):
        if left.overlaps(right):
            yield _moved(second, f"{right} overlaps {left} of {first}", taken)
    for where, subnet in known:
        for network, whose in RESERVED.items():
            if subnet.overlaps(network):
                yield _moved(where, f"{subnet} overlaps {network}, {whose}", taken)


def _moved(where: str, what: str, taken: list[IPv4Network]) -> Problem:
    return Problem(where, what, fixes.put(f"{fixes.SETTINGS}.{where}", str(free_network(taken))))


def _names(blueprint: Blueprint) -> Iterator[Problem]:
    """What is derived of two right parts is looked at by the rules of whom it goes to."""
    for route in blueprint.routes:
        name = blueprint.host(route)
        try:
            # The least that is asked for: a name of its own, or localhost's.
            host_name(name)
        except ValueError:
            fix = fixes.put(f"{fixes.SETTINGS}.hostnames.{route.name}", "<a shorter name>")
            yield Problem(
                f"routes.{route.name}", "its name below the domain is no host name of at most 253 characters", fix
            )
    peers = {f"peer:{peer.name}" for peer in blueprint.vpn.peers} if blueprint.vpn else set()
    asked = {name for route in blueprint.routes for name in template.names(route.upstream)}
    asked |= {
        name for database in blueprint.databases for _, text in database.variables for name in template.names(text)
    }
    for name in sorted(asked - peers):
        if blueprint.vpn and name.startswith("peer:"):
            peer = name.removeprefix("peer:")
            where = f"wireguard.peers.{peer}"
            what = "is needed: what the preset leads to it would end nowhere"
            taken = {blueprint.vpn.slot, *(member.slot for member in blueprint.vpn.peers)}
            free = next(slot for slot in range(2, 255) if slot not in taken)
            first = f"It gives the device {peer} a place in the VPN."
            yield Problem(where, what, fixes.put(f"{fixes.SETTINGS}.{where}.slot", free, first=first))


def _service(blueprint: Blueprint, service: Service) -> Iterator[Problem]:
    where = f"services.{service.name}"
    declared = {network.name for network in blueprint.networks}
    for name in sorted(set(service.networks) - declared):
        yield Problem(f"{where}.networks", f"network {name} is not declared", _CATALOG)
    for name, volume in service.volumes.items():
        if volume.shared and volume.shared not in blueprint.shared_volumes:
            yield Problem(f"{where}.volumes.{name}", f"shared volume {volume.shared} is not declared", _CATALOG)
    texts = blueprint.texts()
    for key, value in service.env.items():
        for name in template.names(value):
            if name not in texts:
                yield Problem(f"{where}.env.{key}", f"nothing is known by the name {{{name}}}", _CATALOG)
    if len(service.name) > _MAX_NAME:
        yield Problem(where, f"a host name has at most {_MAX_NAME} characters", _CATALOG)
    targets = [file.target for file in service.files if "*" not in file.source]
    targets += [file.target for file in service.secret_files]
    for target in _repeated(targets):
        yield Problem(f"{where}.files", f"two files are written to {target}", _CATALOG)


def _image_and_way_out(blueprint: Blueprint, service: Service) -> Iterator[Problem]:
    where = f"services.{service.name}"
    if floats(service.image):
        yield Problem(f"{where}.image", f"{service.image} is another image tomorrow: name a tag, or a digest", _CATALOG)
    ways = blueprint.ways(service)
    if any(net.way_out for net in ways) and not ways[0].way_out:
        what = f"leaves by {ways[0].name}, which has no way out: name the other network so that it comes first"
        yield Problem(f"{where}.networks", what, _CATALOG)


def _hardening(services: tuple[Service, ...]) -> Iterator[Problem]:
    for service in services:
        where = f"services.{service.name}"
        if service.uid == 0 and "root" not in service.waivers:
            yield Problem(where, "runs as root without a reason in waivers['root']", _CATALOG)
        if service.health is None and "health" not in service.waivers:
            yield Problem(where, "has no health check and no reason in waivers['health']", _CATALOG)
        for name, reason in service.capabilities.items():
            if name not in ALLOWED_CAPABILITIES:
                yield Problem(f"{where}.capabilities", f"{name} is not among those a service may keep", _CATALOG)
            if not reason:
                yield Problem(f"{where}.capabilities", f"{name} is kept without a reason", _CATALOG)
        if service.limits.memory <= 0 or service.limits.pids <= 0:
            yield Problem(f"{where}.limits", "memory and pids must be greater than 0", _CATALOG)


def _host_network(blueprint: Blueprint) -> Iterator[Problem]:
    """In the host's network Docker keeps nothing apart, and nothing of its own is there."""
    joining = {name for services in blueprint.joined.values() for name in services}
    for service in (service for service in blueprint.services if service.host_network):
        where = f"services.{service.name}.host_network"
        if not service.waivers.get("host_network"):
            yield Problem(where, "is in the host's network without a reason in waivers['host_network']", _CATALOG)
        if service.networks or service.connector or service.name in joining:
            yield Problem(where, "a container in the host's network is on none of Docker's besides", _CATALOG)
        if service.host_gateway:
            yield Problem(where, "it is in the host's network: it finds the host at 127.0.0.1", _CATALOG)
        for port in service.ports:
            if port.at != "edge" and port.inside != port.outside:
                what = f"port {port.name} is {port.inside} inside and {port.outside} outside, where nothing translates"
                yield Problem(where, what, _CATALOG)


def _deployed(blueprint: Blueprint) -> Iterator[Problem]:
    """A new container of these starts beside the old one, and takes its place once it is healthy."""
    for service in (service for service in blueprint.services if service.deployed):
        where = f"services.{service.name}.deployed"
        if service.health is None:
            yield Problem(where, "has no health check, so nothing says whether a new image works", _CATALOG)
        alone = {
            "in the host's network": service.host_network,
            "with networks that come and go": bool(service.later_networks),
            "with a fixed address": bool(blueprint.address(service)),
            "at times": bool(service.schedule),
            "with volumes of its own, which two cannot write to at once": any(
                volume.data for volume in service.volumes.values()
            ),
        }
        yield from (
            Problem(where, f"runs {what}: no second one can run beside it", _CATALOG) for what in alone if alone[what]
        )


def _ports(blueprint: Blueprint) -> Iterator[Problem]:
    for service in blueprint.services:
        where = f"services.{service.name}"
        for name, bind in service.binds.items():
            if not bind.reason:
                yield Problem(f"{where}.binds.{name}", "shows a path of the host without a reason", _CATALOG)
        for port in service.ports:
            if port.at not in PORT_PLACES:
                known = " or ".join(PORT_PLACES)
                yield Problem(f"{where}.ports.{port.name}", f"at is {port.at!r}; a port is at {known}", _CATALOG)
            elif port.at == "edge" and port.name not in blueprint.edge.ports:
                known = ", ".join(sorted(blueprint.edge.ports))
                yield Problem(
                    f"{where}.ports.{port.name}", f"the edge has no port of this name; it has {known}", _CATALOG
                )
        if any(port.at == "edge" for port in service.ports) and not service.edge:
            yield Problem(f"{where}.ports", "only the edge proxy publishes ports there", _CATALOG)
        if service.ports and not service.networks and not service.host_network:
            yield Problem(f"{where}.ports", "a container without a network publishes nothing", _CATALOG)


def _routes(blueprint: Blueprint) -> Iterator[Problem]:
    edges = blueprint.proxies
    asked = {guard.kind for route in blueprint.routes for guard in route.guards}
    if blueprint.routes and not edges and not asked <= ACCESS_KINDS:
        yield Problem("routes", "an edge proxy is needed, and none is declared", _CATALOG)
    for home in _repeated(blueprint.homes.get(edge.name, "") for edge in edges):
        names = " and ".join(edge.name for edge in edges if blueprint.homes.get(edge.name, "") == home)
        yield Problem("routes", f"one edge proxy a host is needed, and {names} are on host {home or 'main'}", _CATALOG)
    if blueprint.exposure == "tunnel" and not edges and "cloudflared" not in blueprint.tools:
        yield Problem("tools.cloudflared", "a tunnel needs the image that its connector is taken from", _CATALOG)
    for route in blueprint.routes:
        yield from _route(blueprint, route)
    if blueprint.edge.bind in {"", "0.0.0.0", "::"} and not blueprint.edge.public:  # noqa: S104  # compared, not bound
        fix = fixes.put(f"{fixes.SETTINGS}.edge.bind", "127.0.0.1")
        yield Problem("edge.bind", "every address of the host would be open", fix)


def _members(blueprint: Blueprint, route: Route, guard: Guard) -> str:
    """In words what is wrong with the networks of a guard for members; nothing where they are right."""
    texts, proxy = blueprint.texts(), blueprint.proxy_of(route)
    if unknown := sorted({name for text in guard.networks for name in template.names(text)} - texts.keys()):
        return f"networks name {', '.join(unknown)}, which nothing stands for"
    ranges = [template.fill(text, texts, template.TEXT) for text in guard.networks]
    try:
        subnets = [IPv4Network(text) for text in ranges]
    except ValueError:
        return f"networks are {', '.join(ranges)}: not all of them are IPv4 networks"
    own = {network.subnet for network in blueprint.networks if proxy and network.name in proxy.networks[:1]}
    if len(subnets) < 2 or not own <= set(ranges):  # noqa: PLR2004
        return "two networks at least are named: the members', and the proxy's own, by whose gateway the host's come"
    wide = [str(subnet) for subnet in subnets if not subnet.subnet_of(RANGE) and not subnet.is_private]
    return f"{', '.join(wide)} is open to more than members" if wide else ""


def _route(blueprint: Blueprint, route: Route) -> Iterator[Problem]:
    services = {service.name: service for service in blueprint.services}
    where = f"routes.{route.name}"
    if route.proxy and route.proxy not in {edge.name for edge in blueprint.proxies}:
        yield Problem(f"{where}.proxy", f"{route.proxy} is no edge proxy", _CATALOG)
    if what := _leads_nowhere(blueprint, route, services.get(route.service), blueprint.proxy_of(route)):
        yield Problem(where, what, _CATALOG)
    if route.members:
        yield from _to_a_member(blueprint, route)
    if route.relay and [guard.kind for guard in route.guards][-1:] != ["closed"]:
        yield Problem(f"{where}.guards", "a relay hands on no other paths than those that it names", _CATALOG)
    if not route.guards or route.guards[-1].paths or not all(guard.paths for guard in route.guards[:-1]):
        yield Problem(f"{where}.guards", "the last guard, and only it, must stand for all other paths", _CATALOG)
    for guard in route.guards:
        if guard.kind == "members" and (what := _members(blueprint, route, guard)):
            yield Problem(f"{where}.guards", what, _CATALOG)


def _to_a_member(blueprint: Blueprint, route: Route) -> Iterator[Problem]:
    """Behind it is a program of another member, which listens there for members of the mesh."""
    where, asked, url = f"routes.{route.name}", route.members[0], urlsplit(blueprint.target(route))
    if url.scheme != "http" or not url.port or url.path or url.query:
        yield Problem(f"{where}.upstream", f"{route.upstream} is no http://{{mesh:ROLE}}:PORT", _CATALOG)
        return
    left_out = f"{fixes.SETTINGS}.{route.section}" if route.section else ""
    if blueprint.mesh is None:
        fix = fixes.drop(left_out) if left_out else fixes.put(f"{fixes.SETTINGS}.mesh.enabled", value=True)
        yield Problem(where, f"leads to {asked} over the mesh, and there is none", fix)
        return
    member, proxy = blueprint.mesh.member(asked), blueprint.proxy_of(route)
    here = blueprint.homes.get(proxy.name, "") if proxy else ""
    if member is None or member.name == here:
        why = f"{here} itself is it" if member else "no host has it"
        fix = fixes.drop(left_out, first=f"It leaves this out. To have it, give another host the role {asked}.")
        yield Problem(where, f"leads to another host with the role {asked}, and {why}", fix if left_out else _CATALOG)
        return
    listening = {
        port.number
        for program in blueprint.programs
        if member.name in blueprint.program_hosts(program)
        for port in program.ports
        if port.members
    }
    if url.port not in listening:
        known = ", ".join(map(str, sorted(listening))) or "none"
        what = f"port {url.port} of {member.name} is no port where a program listens for members; ports: {known}"
        yield Problem(f"{where}.upstream", what, _CATALOG)


def _leads_nowhere(blueprint: Blueprint, route: Route, target: Service | None, edge: Service | None) -> str:
    """In words why the proxy finds nothing behind a route; nothing where it does."""
    if route.guest and edge and edge.host_network:
        return f"leads to another stack's {route.service}, and {edge.name} is on no network that it could join"
    if target is None:
        return "" if route.upstream or route.guest or route.relay else f"service {route.service} is not declared"
    if edge and edge.host_network:
        port = f"{edge.name} is in the host's network, and {target.name} publishes no port {route.port} there"
        return "" if blueprint.listening(route) else port
    alone = edge and not set(target.networks) & set(edge.networks)
    return f"{edge.name} and {target.name} share no network" if edge and alone else ""


def _databases(blueprint: Blueprint) -> Iterator[Problem]:
    known = {service.name for service in blueprint.services}
    for database in blueprint.databases:
        where = f"databases.{database.name}"
        roles = {role.name for role in database.roles}
        if database.server not in known:
            yield Problem(where, f"server {database.server} is not declared", _CATALOG)
        for name in sorted({database.owner, *database.connect} - roles - {*database.image_roles}):
            yield Problem(where, f"role {name} is not declared", _CATALOG)
        for kind, name in (("a database", database.name), *(("a role", role) for role in sorted(roles))):
            if what := database_name_problem(name):
                yield Problem(where, f"{kind} is called {name!r}, which {what}", _CATALOG)


def _needs(blueprint: Blueprint) -> Iterator[Problem]:
    known = {service.name for service in blueprint.services}
    for service in blueprint.services:
        for need in sorted(set(service.needs) - known):
            off = fixes.put_command(fixes.of_service(service.name, "enabled"), value=False)
            first = f"Or turn that off as well ({off})."
            fix = fixes.put(fixes.of_service(need, "enabled"), value=True, first=first)
            yield Problem(f"services.{service.name}.needs", f"{need} is not part of this stack", fix)
    try:
        blueprint.waves()
    except ValueError as circle:
        if not any(need not in known for service in blueprint.services for need in service.needs):
            yield Problem("services", str(circle), _CATALOG)


def _programs(blueprint: Blueprint) -> Iterator[Problem]:
    texts, services = blueprint.texts(), {service.name for service in blueprint.services}
    for name in _repeated(program.name for program in blueprint.programs):
        yield Problem(f"programs.{name}", "two programs of the host have this name", _CATALOG)
    for target in _repeated(
        file.target for program in blueprint.programs for file in program.files if "*" not in file.source
    ):
        yield Problem("programs", f"two files are written to {target}", _CATALOG)
    for program in blueprint.programs:
        where = f"programs.{program.name}"
        for need in sorted(set(program.needs) - services):
            yield Problem(f"{where}.needs", f"{need} is no service of this preset", _CATALOG)
        for port in program.ports:
            yield from _callers(blueprint, f"{where}.ports", port)
        yield from _program_files(where, program, texts)


def _callers(blueprint: Blueprint, where: str, port: ProgramPort) -> Iterator[Problem]:
    """The firewall lets in one network: who is on it, and goes to the host by another one, would be kept out."""
    for name in sorted(set(port.reachable) - {net.name for net in blueprint.networks}):
        yield Problem(where, f"{port.number} is for network {name}, and there is none of this name", _CATALOG)
    for service in (service for service in blueprint.services if service.host_gateway):
        ways = [net.name for net in blueprint.ways(service)]
        if {*ways} & {*port.reachable} and ways[0] not in port.reachable:
            what = f"{service.name} goes to the host by {ways[0]}, which {port.number} is not for"
            yield Problem(where, f"{what}: name its network so that it comes first", _CATALOG)


def _program_files(where: str, program: HostProgram, texts: Mapping[str, str]) -> Iterator[Problem]:
    places = [
        *((file.target, (file.target, file.owner)) for file in program.files),
        *((folder.path, (folder.path, folder.owner)) for folder in program.folders),
        *((path, (path,)) for path in program.also),
        *((user.home or "/", (user.name, user.home)) for user in program.users),
        *((command.path, (command.path, command.user)) for command in (program.backup,) if command),
    ]
    for path, named in places:
        for name in sorted({name for text in named for name in template.names(text)} - texts.keys()):
            yield Problem(f"{where}.{path}", f"nothing is known by the name {{{name}}}", _CATALOG)
        # A name in front is an option, which holds an absolute path.
        if not path.startswith(("/", "{")) or ".." in path.split("/"):
            yield Problem(f"{where}.{path}", "is no absolute path", _CATALOG)
    for text in (program.setup, program.teardown):
        for name in sorted({*template.names(text)} - texts.keys()):
            yield Problem(
                f"{where}.setup", f"nothing is known by the name {{{name}}}: no secret is an argument", _CATALOG
            )
    for file in program.files:
        if bool(file.source) == bool(file.text):
            yield Problem(f"{where}.{file.target}", "has a source and a text, or neither", _CATALOG)
        if {*file.names} - texts.keys() and file.mode & 0o077:
            yield Problem(f"{where}.{file.target}", "holds a secret, and others than its owner read it", _CATALOG)
