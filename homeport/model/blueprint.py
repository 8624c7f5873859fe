"""The one model: what a preset makes of its services in one environment. Everything else is derived from it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from homeport.model import names, template
from homeport.model.mesh import RANGE
from homeport.model.service import PublishedPort

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from homeport.model.authority import Authority
    from homeport.model.database import Database
    from homeport.model.host_program import HostProgram
    from homeport.model.mesh import Mesh
    from homeport.model.network import Network
    from homeport.model.preset import Checkout
    from homeport.model.route import Route
    from homeport.model.service import Port, Service, Volume
    from homeport.model.vpn import Vpn


Environment = Literal["dev", "preprod", "prod"]
Exposure = Literal["direct", "tunnel", "vpn", "local"]
LOOPBACK = "127.0.0.1"
"""What belongs in the VPN listens here where there is none."""


def _at(port: PublishedPort) -> str:
    return template.fill("http://{address}:{port}", {"address": port.address, "port": str(port.outside)}, template.URL)


@dataclass(frozen=True, kw_only=True)
class Edge:
    """Where the edge proxy listens on the host.

    Attributes:
        bind: IP address.
        ports: Port name (``http``, ``https``) to port number on the host.
        public: True if the address faces the internet.
        acme_email: Contact for certificates; None where certificates are local.
        own_authority: True: public names too have certificates of the proxy's own authority.
        authority: Who issues certificates; None: Let's Encrypt where the address is public, else the proxy's own.
    """

    bind: str
    ports: Mapping[str, int]
    public: bool
    acme_email: str | None = None
    own_authority: bool = False
    authority: Authority | None = None


@dataclass(frozen=True, kw_only=True)
class Blueprint:
    """A system in one environment.

    Attributes:
        preset: The preset's name.
        environment: ``dev``, ``preprod`` or ``prod``.
        domain: Parent of the routes' host names.
        services: In no particular order; ``needs`` gives the order.
        networks: All networks.
        routes: All routes.
        databases: All databases.
        edge: Where the proxy listens.
        exposure: How people and programs come in: ``direct``, ``tunnel``, ``vpn`` or ``local``.
        homes: Service name to the host that it runs on.
        vpn: The WireGuard network; None: there is none, and what belongs in it listens on the loopback address.
        ports: Service name to the number of its port in the VPN, or on the loopback address, where it is not the
            catalog's.
        shared_volumes: Volumes that several services mount, by name.
        protect_data: True: data volumes survive ``pulumi destroy`` and cannot be deleted by accident.
        namespace: Prefix of all names in Docker; empty as a rule.
        hostnames: Route name to host name, where it is not the derived one.
        tools: Programs for the host that are taken out of images, by name.
        connections: What members of the VPN connect to, by name: a template of texts and secrets.
        calls: Service name to the URLs, as templates, that it may call on members of the VPN; the first that is not
            empty counts. And on members of the mesh, all of them.
        values: What ``{name}`` in environment values stands for, routes' names aside.
        resting: Services that are off: nothing of them runs, and their data volumes are kept.
        resting_secrets: Secrets that only they need, kept as well: without its key data is lost.
        resting_routes: The routes that led to them.
        skipped: What this environment does without, each with its reason.
        next_steps: What is left for a person to do.
        people: Whom Cloudflare Access lets in, and how they prove it, in words.
        joined: Network of another stack, by its name in Docker, to the services here that join it.
        programs: What runs on hosts themselves; nothing of it where all of its hosts are this machine.
        program_homes: Program name to the hosts that it runs on.
        roles: What a host without services may be.
        mesh: The mesh of its hosts; None: they are in none.
        checkout: The Git repository on the host with the configuration; None: there is none.
    """

    preset: str
    environment: Environment
    domain: str
    services: tuple[Service, ...]
    networks: tuple[Network, ...]
    routes: tuple[Route, ...]
    edge: Edge
    databases: tuple[Database, ...] = ()
    shared_volumes: Mapping[str, Volume] = field(default_factory=lambda: MappingProxyType({}))
    exposure: Exposure = "direct"
    homes: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    vpn: Vpn | None = None
    ports: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))
    protect_data: bool = False
    namespace: str = ""
    hostnames: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tools: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    connections: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    calls: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    values: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    resting: tuple[Service, ...] = ()
    resting_secrets: tuple[str, ...] = ()
    resting_routes: tuple[Route, ...] = ()
    skipped: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    people: str = ""
    joined: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    programs: tuple[HostProgram, ...] = ()
    program_homes: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    roles: tuple[str, ...] = ()
    checkout: Checkout | None = None
    mesh: Mesh | None = None

    def service(self, name: str) -> Service:
        """The service of that name; KeyError if there is none."""
        return {service.name: service for service in self.services}[name]

    def host(self, route: Route) -> str:
        """A route's host name."""
        return self.hostnames.get(route.name, names.hostname(route.name, self.domain))

    def origin(self, route: Route) -> str:
        """A route's URL without a path; the port appears where it is not HTTPS's own.

        Without a proxy of the preset's own it is the tunnel's name or, where there is no tunnel, the service's own
        port.
        """
        if self.exposure == "tunnel":
            return f"https://{self.host(route)}"
        if self.services and self.proxy is None:
            return self.upstream(route)
        port = self.edge.ports["https"]
        return f"https://{self.host(route)}" + ("" if port == 443 else f":{port}")  # noqa: PLR2004  # HTTPS's own port

    @property
    def proxy(self) -> Service | None:
        """The edge proxy, on several hosts the main host's; None: the preset has none."""
        proxies = self.proxies
        return next(
            (proxy for proxy in proxies if self.homes.get(proxy.name) == self.main_host), next(iter(proxies), None)
        )

    @property
    def proxies(self) -> tuple[Service, ...]:
        """The edge proxies, at most one a host."""
        return tuple(service for service in self.services if service.edge)

    def proxy_of(self, route: Route) -> Service | None:
        """The proxy that opens a route: the one that it names, else the one on the host of its service."""
        home = self.homes.get(route.proxy or route.service)
        return next((proxy for proxy in self.proxies if self.homes.get(proxy.name) == home), self.proxy)

    def seen_by(self, proxy: Service) -> Blueprint:
        """The blueprint with the routes of one proxy alone."""
        if len(self.proxies) < 2:  # noqa: PLR2004
            return self
        routes = tuple(route for route in self.routes if self.proxy_of(route) == proxy)
        services = tuple(service for service in self.services if not service.edge or service == proxy)
        return replace(self, routes=routes, services=services)

    @property
    def connector(self) -> Service | None:
        """What connects the tunnel to the proxy, where that is a container; None: it runs on the host, if at all."""
        return next((service for service in self.services if service.connector), None)

    @property
    def tunnel_on_host(self) -> bool:
        """Whether a tunnel's connector runs on the main host itself."""
        return self.exposure == "tunnel" and self.connector is None

    @property
    def connector_address(self) -> str:
        """The connector's address on its network; empty: there is no such container."""
        return self.address(self.connector) if self.connector else ""

    def address(self, service: Service) -> str:
        """A service's fixed address on its main network; empty: Docker gives it one."""
        if not service.connector:
            return ""
        return {network.name: network.last for network in self.networks}[service.networks[0]]

    @property
    def main_host(self) -> str:
        """The host that the VPN and the tunnel end on: that of the services in the VPN, else the first."""
        private = [self.homes[service.name] for service in self.services for port in service.ports if port.at == "vpn"]
        return next(iter([*sorted(private), *sorted(self.homes.values())]), "")

    def program_hosts(self, program: HostProgram) -> tuple[str, ...]:
        """The hosts that a program runs on."""
        return self.program_homes.get(program.name, (self.main_host,))

    def opened(self, service: Service) -> tuple[Port, ...]:
        """A service's ports that are published here: none of the proxy's that a tunnel leads to from inside."""
        unasked = {*(["edge"] if self.connector is not None else []), *([] if self.mesh else ["mesh"])}
        return tuple(port for port in service.ports if port.at not in unasked)

    def published(self, service: Service) -> tuple[PublishedPort, ...]:
        """The same as this stack publishes them."""
        return tuple(self._published(service, port) for port in self.opened(service))

    def _published(self, service: Service, port: Port) -> PublishedPort:
        if port.at == "vpn":
            outside, address = self.ports.get(service.name, port.outside), self.vpn.address if self.vpn else LOOPBACK
        elif port.at == "mesh":
            outside, address = port.outside, self.edge.bind
        elif port.at == "here":
            # Of several ports the settings give the first another number; a route's own number is the preset's.
            first = port == service.ports[0]
            outside, address = self.ports.get(service.name, port.outside) if first else port.outside, LOOPBACK
        else:
            # A name that the edge does not have is refused by homeport/model/check.py.
            outside, address = self.edge.ports.get(port.name, port.inside), self.edge.bind
        return PublishedPort(inside=port.inside, outside=outside, address=address, protocol=port.protocol)

    def listening(self, route: Route) -> PublishedPort | None:
        """Where a route's service is found in its host's own network; None: it publishes no such port."""
        ports = (
            port
            for service in self.services
            if service.name == route.service
            for port in self.published(service)
            if port.inside == route.port and port.protocol == "tcp"
        )
        return next(ports, None)

    def upstream(self, route: Route) -> str:
        """Where a tunnel finds what is behind a route; nothing where its service publishes no port.

        A connector beside the proxy finds everything there: the proxy tells routes by their names.

        A service that listens in the VPN is not to be found at ``localhost`` (docs/requirements.md, R-20).
        """
        if self.connector and self.proxy:
            return f"http://{self.proxy.name}:{next(port.inside for port in self.proxy.ports if port.name == 'http')}"
        if route.upstream:
            return self.target(route)
        port = self.listening(route)
        return _at(port) if port else ""

    def target(self, route: Route) -> str:
        """The URL on a member of the VPN or the mesh that a route leads to; empty: it leads to a service."""
        return template.fill(route.upstream, self._addresses(), template.URL)

    def texts(self) -> dict[str, str]:
        """All that ``{name}`` in an environment value may stand for."""
        texts = {**self.values, "domain": self.domain, "environment": self.environment, **self._addresses()}
        # Known also where there is none: who is let in by it is let in by nothing then.
        texts["mesh"] = self.mesh.subnet if self.mesh else str(RANGE)
        # An address is known also while nobody is behind it.
        for route in (*self.routes, *self.resting_routes):
            texts[f"host:{route.name}"] = self.host(route)
            texts[f"origin:{route.name}"] = self.origin(route)
        texts |= {f"subnet:{network.name}": network.subnet for network in self.networks}
        texts |= {f"image:{name}": image for name, image in self.tools.items()}
        for service in self.services:
            for port in self.published(service):
                # Of several the first: connections name the service alone.
                texts.setdefault(f"port:{service.name}", str(port.outside))
        return texts

    def member_calls(self) -> tuple[tuple[str, int], ...]:
        """Addresses and TCP ports of members of the VPN that containers may call: the preset's, and the settings'."""
        if not self.vpn:
            return ()
        texts, running = self.texts(), {service.name for service in self.services}
        members = {self.vpn.at(peer.slot): peer.ports for peer in self.vpn.peers}
        found = {(address, port) for address, ports in members.items() for port in ports}
        for urls in (urls for name, urls in self.calls.items() if name in running):
            filled = (
                template.fill(url, texts, template.TEXT) for url in urls if set(template.names(url)) <= texts.keys()
            )
            url = urlsplit(next(filter(None, filled), ""))
            if url.hostname in members:
                found.add((url.hostname, url.port or (443 if url.scheme == "https" else 80)))
        return tuple(sorted(found))

    def ways(self, service: Service) -> list[Network]:
        """The networks that a container could leave by: it does by the first, for Docker's default route is by name."""
        found = (net for net in self.networks if net.name in service.networks and not net.internal)
        return sorted(found, key=lambda net: net.name)

    def mesh_calls(self, services: Iterable[Service]) -> tuple[tuple[str, int], ...]:
        """Where the services of a host that call members of the mesh come from, each with the TCP port: declared calls.

        Of a service's networks the one that it leaves by: its neighbours on the others call nobody.
        """
        if not self.mesh:
            return ()
        leaving = ((service, self.ways(service)[:1]) for service in services)
        return tuple(
            sorted({(net.subnet, port) for service, ways in leaving for net in ways for port in self._called(service)})
        )

    def resolves_mesh(self, service: Service) -> bool:
        """Whether a service calls members of the mesh by their names: it then asks the mesh, and nobody else."""
        called = (name for url in self.calls.get(service.name, ()) for name in template.names(url))
        return bool(self.mesh) and any(name.startswith("mesh:") for name in called)

    def _called(self, service: Service) -> set[int]:
        """TCP ports at which a service calls members of the mesh, by what they are or by the name of a page there."""
        texts, ports = self.texts(), set()
        routes = [route for route in self.routes if self.proxy_of(route) == service]
        urls = [f"https://{route.relay.to}" for route in routes if route.relay]
        urls += [route.upstream for route in routes if route.members]
        for url in (*urls, *self.calls.get(service.name, ())):
            asked = template.names(url)
            if any(name.startswith(("mesh:", "host:")) for name in asked) and texts.keys() >= {*asked}:
                filled = urlsplit(template.fill(url, texts, template.TEXT))
                ports.add(filled.port or (443 if filled.scheme == "https" else 80))
        return ports

    def _addresses(self) -> dict[str, str]:
        """``vpn``: the server's address in the VPN; ``peer:NAME``: a member's; ``mesh:NAME``: its name in the mesh.

        A role stands for the first member that has it. Without a VPN the loopback address takes their place.
        """
        peers = self.vpn.peers if self.vpn else ()
        private = {f"peer:{peer.name}": self.vpn.at(peer.slot) for peer in peers} if self.vpn else {}
        if self.mesh:
            # A preset speaks of roles, and a user may call the host that has one otherwise.
            roles = {tag: self.mesh.hostname(member) for member in reversed(self.mesh.members) for tag in member.tags}
            named = {member.name: self.mesh.hostname(member) for member in self.mesh.members}
            private |= {f"mesh:{name}": hostname for name, hostname in {**roles, **named}.items()}
        called = (url for urls in self.calls.values() for url in urls)
        asked = {
            name: LOOPBACK
            for route in self.routes
            for name in template.names(route.relay.to if route.relay else route.upstream)
        } | {name: LOOPBACK for url in called for name in template.names(url) if name.startswith("mesh:")}
        asked = {name: address for name, address in asked.items() if name not in self.values}
        return {**asked, **private, "vpn": self.vpn.address if self.vpn else LOOPBACK}

    def secrets(self) -> dict[str, tuple[str, ...]]:
        """Every secret that the blueprint needs, to what needs it."""
        wanted: dict[str, list[str]] = {}
        for name, who in (*self._wanted_by_services(), *self._wanted_by_programs()):
            wanted.setdefault(name, []).append(who)
        return {name: tuple(dict.fromkeys(wanted[name])) for name in sorted(wanted)}

    def _wanted_by_services(self) -> Iterator[tuple[str, str]]:
        for service in self.services:
            for file in service.secret_files:
                yield from ((name, service.name) for name in file.secrets)
        for route in self.routes:
            yield from ((guard.secret, f"route {route.name}") for guard in route.guards if guard.secret)
        for database in self.databases:
            yield from ((role.secret, f"role {role.name}") for role in database.roles if role.secret)
        keys = self.edge.authority.secrets if self.edge.authority else ()
        yield from ((name, proxy.name) for name in keys for proxy in self.proxies)

    def _wanted_by_programs(self) -> Iterator[tuple[str, str]]:
        texts = self.texts() if self.programs else {}
        for program in self.programs:
            yield from ((name, program.name) for name in program.names if name not in texts)

    def without(self, disabled: frozenset[str]) -> Blueprint:
        """The blueprint less some services, their routes and the databases on them; data and secrets are kept."""
        left = self._less(disabled)
        kept = tuple(name for name in self.secrets() if name not in left.secrets())
        resting = tuple(service for service in self.services if service.name in disabled)
        idle = tuple(route for route in self.routes if {route.service, route.proxy} & disabled)
        return replace(left, resting=resting, resting_secrets=kept, resting_routes=idle)

    def _less(self, disabled: frozenset[str]) -> Blueprint:
        """The blueprint less some services, and all that was for them.

        Routes to them, databases on them or for none but them, connections to their ports.
        """
        return replace(
            self,
            # The proxy needs no more than there is: without a route's service it has one route less.
            services=tuple(
                replace(service, needs=tuple(need for need in service.needs if need not in disabled))
                if service.edge
                else service
                for service in self.services
                if service.name not in disabled
            ),
            routes=tuple(route for route in self.routes if not {route.service, route.proxy} & disabled),
            databases=tuple(
                database
                for database in self.databases
                if database.server not in disabled and (not database.users or set(database.users) - disabled)
            ),
            connections={
                name: text
                for name, text in self.connections.items()
                if not {f"port:{service}" for service in disabled} & set(template.names(text))
            },
            joined={
                network: left
                for network, joining in self.joined.items()
                if (left := tuple(name for name in joining if name not in disabled))
            },
            programs=tuple(program for program in self.programs if not disabled & {*program.needs}),
            skipped=(
                *self.skipped,
                *(f"{name}: switched off in the settings" for name in sorted(disabled)),
                *(
                    f"{program.name}: needs {', '.join(sorted(disabled & {*program.needs}))}, switched off"
                    for program in self.programs
                    if disabled & {*program.needs}
                ),
            ),
        )

    def waves(self) -> tuple[tuple[Service, ...], ...]:
        """The services in the order in which they can start: each wave needs only those before it.

        Raises:
            ValueError: The needs form a circle; ``check`` reports it by name.
        """
        left = {service.name: service for service in sorted(self.services, key=lambda service: service.name)}
        waves: list[tuple[Service, ...]] = []
        while left:
            ready = tuple(service for service in left.values() if not any(need in left for need in service.needs))
            if not ready:
                raise ValueError(f"circle of needs among {', '.join(left)}")
            waves.append(ready)
            left = {name: service for name, service in left.items() if service not in ready}
        return tuple(waves)
