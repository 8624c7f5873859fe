"""Services of one's own laid into a preset: each becomes the same values as a service of the catalog.

Nothing after this knows that a service is an app: checks, names, routes, status and export read the preset.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from ipaddress import IPv4Network
from pathlib import Path
from typing import TYPE_CHECKING, Any

from catalog.busybox import image as busybox
from homeport.model import fixes, template
from homeport.model.database import Database, Role
from homeport.model.errors import Problem
from homeport.model.names import physical, shared_volume, volume
from homeport.model.network import Network, free_network
from homeport.model.route import Guard, Route
from homeport.model.schedule import schedule
from homeport.model.service import NOBODY, Health, Limits, Port, SecretFile, Service, Volume
from homeport.model.template import TEXT, URL
from homeport.settings.apps import (
    FILES_AT,
    RUNS_AT,
    TOOLS_AT,
    api_key,
    capability,
    database_password,
    login_password,
    secret_name,
)
from homeport.settings.friendly import path_of
from homeport.settings.secret_specs import GENERAL, KEYS, app_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeport.model.preset import Preset
    from homeport.model.route import GuardKind
    from homeport.model.secret import SecretSpec
    from homeport.model.service import PortPlace
    from homeport.settings.apps import App
    from homeport.settings.schema import Settings

POOL = IPv4Network("10.208.0.0/12")
"""Where apps' networks have their subnets: apart from Docker's own pools, and from those of presets."""
_SUBNET = 28
TOOL = "busybox"
"""Name of the tool, and of the volume that it is laid into."""
_TOOLS = Volume(path=TOOLS_AT, data=False, mode=0o755, tool=TOOL, program=busybox.PROGRAM)
_OWN = ".homeport"
"""What an app's mount of it is called: no volume of its own can be."""
_WORDS = ("host", "origin", "port", "db")
"""What may stand before a colon in braces."""
_SCRATCH = "/tmp"  # noqa: S108  # in a container of its own
_DATABASE_PORT = 5432
LOOPBACK_NAMES = frozenset(
    {"localhost", "ip6-localhost", "ip6-loopback", "ip6-localnet", "ip6-mcastprefix", "ip6-allnodes", "ip6-allrouters"}
)
"""What /etc/hosts of every container says of itself (moby, daemon/libnetwork/etchosts): the proxy would ask itself."""
_BUSYBOX = f"{TOOLS_AT}/busybox"


def network_name(app: str) -> str:
    """The network of an app alone, which has no way out."""
    return f"app-{app}"


def outer_name(app: str) -> str:
    """Its second network, by which it leaves, or by which its port is published."""
    return f"app-{app}-out"


def subnet(network: str) -> str:
    """The subnet of an app's network: by its name in Docker alone, so that it stays when others come and go."""
    slots = 1 << (_SUBNET - POOL.prefixlen)
    number = int.from_bytes(hashlib.sha256(network.encode()).digest()[:8], "big") % slots
    return str(IPv4Network((int(POOL.network_address) + (number << (32 - _SUBNET)), _SUBNET)))


def loopback_port(app: str) -> int:
    """Where a proxy in the host's network finds an app: by its name, so that it stays and is no usual number."""
    return 20000 + int.from_bytes(hashlib.sha256(app.encode()).digest()[:8], "big") % 10000


def names(apps: Mapping[str, Any]) -> dict[str, set[str]]:
    """What apps add to the names that other sections of the settings may use, by section."""
    networks = {name for app in apps for name in (network_name(app), outer_name(app))}
    return {"services": set(apps), "networks": networks, "hostnames": set(apps)}


def off(settings: Settings) -> frozenset[str]:
    """The apps that are switched off."""
    return frozenset(name for name, app in settings.apps.items() if not app.enabled)


_BRACE = "left-brace"
LITERALS = {_BRACE: "{"}
"""What stands for a brace in an app's environment that begins no name of those that its settings know."""
_NO_WORD = re.compile(rf"\{{(?!(?:(?:{'|'.join(_WORDS)}):[a-z0-9_.-]+|domain)\}})")


def hostnames(settings: Settings) -> dict[str, str]:
    """The host names of apps that are not called as their app is, by route."""
    hosts = {name: app.route.host for name, app in settings.apps.items() if app.route and app.route.host}
    return {name: host if "." in host else f"{host}.{settings.domain}" for name, host in hosts.items() if host != name}


def with_apps(preset: Preset, settings: Settings) -> Preset:
    """The preset with the apps in it; their problems are ``problems``."""
    if not settings.apps:
        return preset
    layer = Layer(preset, settings)
    edge_networks = tuple(network_name(name) for name in layer.routed if layer.joins and settings.apps[name].enabled)
    return replace(
        preset,
        services=(
            *(
                replace(service, networks=(*service.networks, *edge_networks), later_networks=edge_networks)
                if service.edge
                else service
                for service in preset.services
            ),
            *(layer.service(name) for name in settings.apps),
        ),
        networks=(*preset.networks, *(network for name in settings.apps for network in layer.networks(name))),
        routes=(*preset.routes, *(layer.route(name) for name in layer.routed)),
        shared_volumes={**preset.shared_volumes, **({TOOL: _TOOLS} if layer.with_tools else {})},
        tools={**preset.tools, **({TOOL: busybox.REFERENCE} if layer.with_tools else {})},
        databases=(*preset.databases, *(layer.database(name) for name, app in settings.apps.items() if app.database)),
    )


class Layer:
    """The apps of one stack over its preset.

    Attributes:
        server: The preset's PostgreSQL; empty: it has none.
        proxy: Whether the preset has a proxy that asks who comes in.
        joins: Whether it joins the networks of those whom it leads to; one in the host's network finds their ports.
        with_tools: Whether one of them has no tools of its own for what is asked of it.
        routed: The apps with a route.
    """

    def __init__(self, preset: Preset, settings: Settings) -> None:
        self._preset, self._settings = preset, settings
        self.server = next((database.server for database in preset.databases), "")
        proxies = [service for service in preset.services if service.edge]
        self.proxy = bool(proxies)
        self.joins = any(not service.host_network for service in proxies)
        # In a tunnel Cloudflare Access stands before the proxy, and asks in its place.
        self._asks = self.proxy and settings.exposure != "tunnel"
        self.with_tools = any(self._takes_tools(name) for name in settings.apps)
        self.routed = tuple(
            name for name, app in settings.apps.items() if app.port and app.route and app.route.access != "vpn"
        )

    def published(self, name: str) -> bool:
        """Whether an app has a port of its own on its host: in the VPN, or on the loopback address."""
        app = self._settings.apps[name]
        return app.port is not None and app.route is not None and (app.route.access == "vpn" or not self.joins)

    def leaves(self, name: str) -> bool:
        """Whether an app has a second network."""
        return self._settings.apps[name].internet or self.published(name)

    def _takes_tools(self, name: str) -> bool:
        """Whether an app's health check or start is made of a program that its image may not have."""
        app = self._settings.apps[name]
        probe = health(app)
        return (probe is not None and _BUSYBOX in probe.test) or any(
            secret.environment for secret in self._secrets(name)
        )

    def networks(self, name: str) -> Iterator[Network]:
        """An app's own networks."""
        inner = network_name(name)
        yield Network(name=inner, subnet=subnet(physical(self._settings.namespace, inner)))
        app = self._settings.apps[name]
        if self.leaves(name):
            outer = outer_name(name)
            place = subnet(physical(self._settings.namespace, outer))
            yield Network(name=outer, subnet=place, internal=False, way_out=app.internet, masquerade=app.internet)

    def service(self, name: str) -> Service:
        """An app's container."""
        app = self._settings.apps[name]
        uid, gid = _ids(app.user)
        delivered = tuple(self._secrets(name))
        return Service(
            name=name,
            image=app.image,
            purpose=app.purpose or f"{app.image}",
            command=app.command,
            entrypoint=(*_with_secrets(delivered, _files_at(app)), *_at_times(app), *app.entrypoint),
            uid=uid,
            gid=gid if gid != uid else None,
            env=self._env(name, delivered),
            secret_files=tuple(secret.file for secret in delivered),
            files_at=_files_at(app),
            networks=(*(network.name for network in self.networks(name)), *self._needed_networks(app)),
            health=health(app),
            limits=Limits(memory=app.memory, cpus=str(app.cpus), pids=app.pids),
            volumes=({_OWN: Volume(path=TOOLS_AT, shared=TOOL, read_only=True)} if self._takes_tools(name) else {})
            | {
                part: Volume(
                    path=volume.path, data=volume.data, owner=_ids(volume.owner) if volume.owner else (uid, gid)
                )
                for part, volume in app.volumes.items()
            },
            tmpfs={path: _tmpfs(size) for path, size in _in_memory(app).items()}
            | ({RUNS_AT: f"rw,noexec,nosuid,nodev,size=1m,uid={uid},gid={gid},mode=0700"} if app.schedule else {}),
            capabilities={capability(name): reason for name, reason in app.capabilities.items()},
            ports=self._ports(name),
            needs=tuple(dict.fromkeys(self.asked(app).values())),
            role=app.role or "",
            schedule=app.schedule or "",
            waivers={rule: reason for rule, reason in app.waivers.model_dump().items() if reason},
        )

    def _secrets(self, name: str) -> Iterator[Delivered]:
        """An app's secrets as files, and the variable that each is for."""
        app = self._settings.apps[name]
        for variable, secret in app.secrets.items():
            target = secret.path.rpartition("/")[2] if secret.path else variable.lower()
            value = secret.template or f"{{{secret_name(name, variable, secret.shared_as)}}}"
            yield Delivered(
                file=SecretFile(target=target, template=value, syntax=URL if "://" in value else TEXT),
                variable="" if secret.path else variable,
                environment=secret.deliver == "environment",
            )
        wanted = app.database
        if wanted:
            inside, password = wanted.deliver == "environment", f"{{{database_password(name)}}}"
            texts = self.database_texts(name)
            url = f"{wanted.scheme}://{texts['db:user']}:{password}@{texts['db:host']}:{_DATABASE_PORT}/{texts['db:name']}"
            file = SecretFile(target=wanted.url.lower(), template=url, syntax=URL)
            yield Delivered(file=file, variable=wanted.url, environment=inside)
            if wanted.password:
                file = SecretFile(target=wanted.password.lower(), template=password, syntax=TEXT)
                yield Delivered(file=file, variable=wanted.password, environment=inside)

    def _env(self, name: str, delivered: tuple[Delivered, ...]) -> dict[str, str]:
        app = self._settings.apps[name]
        texts = self.database_texts(name)
        own = {variable: _NO_WORD.sub(f"{{{_BRACE}}}", _filled(text, texts)) for variable, text in app.env.items()}
        files = {
            f"{secret.variable}_FILE": f"{_files_at(app)}/{secret.file.target}"
            for secret in delivered
            if secret.variable
        }
        inside = {f"{secret.variable}_FILE" for secret in delivered if secret.environment}
        return {**own, **{variable: path for variable, path in files.items() if variable not in inside}}

    def database_texts(self, name: str) -> dict[str, str]:
        """What stands for an app's database in its environment."""
        user = database_user(name)
        return {"db:host": self.server, "db:port": str(_DATABASE_PORT), "db:name": user, "db:user": user}

    def database(self, name: str) -> Database:
        """An app's database, of the same name as its role: that is what the server's rules let in."""
        user, wanted = database_user(name), self._settings.apps[name].database
        return Database(
            name=user,
            server=self.server,
            owner=user,
            roles=(Role(name=user, secret=database_password(name)),),
            extensions=wanted.extensions if wanted else (),
            users=(name,),
        )

    def asked(self, app: App) -> dict[str, str]:
        """What an app needs, by where it says so."""
        needs = {f"needs[{index}]": need for index, need in enumerate(app.needs)}
        return needs | ({"database": self.server} if app.database else {})

    def _needed_networks(self, app: App) -> tuple[str, ...]:
        """The network on which an app finds each service that it needs: one without a way out, where there is one."""
        wanted = []
        services = {service.name: service for service in self._preset.services}
        internal = {network.name for network in self._preset.networks if network.internal}
        for need in dict.fromkeys(self.asked(app).values()):
            if need in self._settings.apps:
                wanted.append(network_name(need))
            elif services[need].networks:
                wanted.append(min(services[need].networks, key=lambda network: network not in internal))
        return tuple(dict.fromkeys(wanted))

    def _ports(self, name: str) -> tuple[Port, ...]:
        app = self._settings.apps[name]
        if not self.published(name) or app.port is None or app.route is None:
            return ()
        # What a proxy in the host's network leads to is on the loopback address alone.
        place: PortPlace = "here" if self.proxy and app.route.access != "vpn" else "vpn"
        usual = app.port if place == "vpn" else loopback_port(name)
        return (Port(name="http", inside=app.port, outside=app.route.port or usual, at=place),)

    def route(self, name: str) -> Route:
        """The public name of an app."""
        app = self._settings.apps[name]
        if app.route is None or app.port is None:
            raise ValueError(f"{name} has no route")
        return Route(
            name=name,
            service=name,
            port=app.port,
            guards=(self._guard(name, app.route.access, app.route.because or ""),),
            max_body=app.route.max_body * 1024 * 1024,
        )

    def _guard(self, name: str, access: str, because: str) -> Guard:
        if access == "public":
            kind: GuardKind = "open" if self._asks else "bypass"
            return Guard(kind=kind, because=because or "the settings open it to everybody")
        if access == "login":
            why = "the settings ask people to log in"
            if not self._asks:
                return Guard(kind="login", because=why)
            return Guard(kind="basic", user="admin", secret=login_password(name), because=why)
        why = "the settings let programs in that have the key"
        if not self._asks:
            return Guard(kind="service-token", because=why)
        return Guard(kind="api-key", header="X-API-Key", secret=api_key(name), because=why)


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """A secret on its way to an app's program.

    Attributes:
        file: The file that it is in.
        variable: What its variable is called; empty: the program knows the file.
        environment: Whether the variable holds it, rather than the file's path.
    """

    file: SecretFile
    variable: str
    environment: bool


def _with_secrets(delivered: tuple[Delivered, ...], folder: str) -> tuple[str, ...]:
    """What stands before an entry point that takes secrets in its environment: `docker inspect` shows none of them."""
    inside = [secret for secret in delivered if secret.environment]
    if not inside:
        return ()
    lines = [f'export {secret.variable}="$({_BUSYBOX} cat "$0/{secret.file.target}")"' for secret in inside]
    return (_BUSYBOX, "sh", "-c", "; ".join([*lines, 'exec "$@"']), folder)


def _files_at(app: App) -> str:
    """The folder with the secrets: the one that the app names files in."""
    return next((secret.path.rpartition("/")[0] for secret in app.secrets.values() if secret.path), FILES_AT)


def _filled(text: str, texts: Mapping[str, str]) -> str:
    for name, value in texts.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def database_user(app: str) -> str:
    """What an app's role and its database are called."""
    return f"app_{app.replace('-', '_')}"


def health(app: App) -> Health | None:
    """How an app is asked; None: nobody asks it."""
    asked = app.health
    if app.schedule:
        # Of its last run: one failure is enough to say so, and nothing is restarted for it.
        return Health(test=(_BUSYBOX, "sh", "-c", _LAST), interval=30, start_period=1, retries=1)
    if asked is None and app.waivers.health:
        return None
    if asked is None:
        return Health(test=_listens(app.port)) if app.port else None
    test = asked.command
    if asked.http:
        test = (_BUSYBOX, "wget", "-q", "-O", "/dev/null", f"http://127.0.0.1:{app.port}{asked.http}")
    elif not test and app.port:
        test = _listens(app.port)
    return Health(
        test=test,
        interval=asked.interval,
        timeout=asked.timeout,
        start_period=asked.start,
        retries=asked.retries,
        gate=asked.gate,
    )


_LAST = f"""read -r code when <{RUNS_AT}/last || {{ echo 'not run yet'; exit 0; }}
echo "last run, $when: ended with $code"; [ "$code" = 0 ]"""
_WAITS = "\n".join(
    line
    for line in (Path(__file__).parent / "at_times.sh").read_text(encoding="utf-8").splitlines()
    if not line.lstrip().startswith("#")
)
_SUNDAY = 7


def _at_times(app: App) -> tuple[str, ...]:
    """What stands before a program that runs at times alone."""
    if not app.schedule:
        return ()
    times = schedule(app.schedule)
    weekdays = tuple(day or _SUNDAY for day in times.weekdays)
    fields = (times.minutes, times.hours, times.days, times.months, weekdays)
    texts = (f",{','.join(map(str, field))}," for field in fields)
    return (_BUSYBOX, "sh", "-c", _WAITS, _BUSYBOX, *texts, str(int(times.either)))


def _listens(port: int) -> tuple[str, ...]:
    """A look at the kernel's table: nothing is connected to, so nothing appears in the app's log (proc(5), net/tcp)."""
    return (
        _BUSYBOX,
        "grep",
        "-qsE",
        f"^ *[0-9]+: [0-9A-F]+:{port:04X} [0-9A-F:]+ 0A ",
        "/proc/net/tcp",
        "/proc/net/tcp6",
    )


def _ids(user: str | None) -> tuple[int, int]:
    """User and group."""
    uid, _, gid = (user or str(NOBODY)).partition(":")
    return int(uid), int(gid or uid)


def _in_memory(app: App) -> dict[str, int]:
    """An app's folders in memory and their sizes: where it has a volume or its secrets Docker takes no second mount."""
    taken = {_files_at(app), *(volume.path for volume in app.volumes.values())}
    return {**({} if _SCRATCH in taken else {_SCRATCH: 32}), **app.tmpfs}


def _tmpfs(megabytes: int) -> str:
    return f"rw,noexec,nosuid,nodev,size={megabytes}m,mode=1777"


def problems(preset: Preset, settings: Settings) -> Iterator[Problem]:
    """Everything about the apps that cannot be in this preset, each with what mends it."""
    if settings.apps:
        check = _Check(preset, settings)
        for look in (
            check.names,
            check.needs,
            check.ways_out,
            check.databases,
            check.routes,
            check.texts,
            check.volumes,
            check.secrets,
        ):
            yield from look()


class _Check:
    """What the apps of one stack say against its preset, and against each other."""

    def __init__(self, preset: Preset, settings: Settings) -> None:
        self._preset, self._settings, self._layer = preset, settings, Layer(preset, settings)
        self._services = {service.name for service in preset.services}

    def names(self) -> Iterator[Problem]:
        """An app is called as nothing of the preset is, in Docker, in DNS and among images."""
        taken = {
            **dict.fromkeys((TOOL, *self._preset.tools), "a tool"),
            **dict.fromkeys((route.name for route in (*self._preset.routes, *self._preset.guests)), "a route"),
            **dict.fromkeys(self._services, "a service"),
        }
        networks = {network.name for network in self._preset.networks}
        for name in self._settings.apps:
            if name in taken:
                yield _renamed(name, f"{taken[name]} of preset {self._preset.name} is called {name} already")
            if {network_name(name), outer_name(name)} & networks:
                yield _renamed(name, f"a network of preset {self._preset.name} is called as its own would be")
            if name in LOOPBACK_NAMES:
                yield _renamed(name, "every container calls itself by that name, so nobody else would find it")
            other = name.removesuffix("-out")
            if other != name and other in self._settings.apps and self._layer.leaves(other):
                yield _renamed(name, f"a network of app {other} is called as its own would be")
        yield from self._subnets()

    def _subnets(self) -> Iterator[Problem]:
        """No two networks at one place, and none moved that is not there."""
        networks = {network.name for network in self._preset.networks}
        own = {network.name for name in self._settings.apps for network in self._layer.networks(name)}
        possible = {place(name) for name in self._settings.apps for place in (network_name, outer_name)}
        for name in sorted(possible & self._settings.networks.keys() - own - networks):
            path = f"{_ROOT}.networks.{name}"
            yield Problem(path, "its app has no such network, so nothing reads it", fixes.drop(path))
        subnets: dict[IPv4Network, str] = {}
        for network in (network for name in self._settings.apps for network in self._layer.networks(name)):
            chosen = self._settings.networks.get(network.name, IPv4Network(network.subnet))
            other = subnets.setdefault(chosen, network.name)
            if other != network.name:
                path = f"{_ROOT}.networks.{network.name}"
                what = f"{chosen} would be that of {other} too: their names give the same one"
                yield Problem(path, what, fixes.put(path, str(free_network([*subnets]))))

    def needs(self) -> Iterator[Problem]:
        """What an app needs is there, and on its host: a Docker network does not leave a machine."""
        resting = self._resting()
        for name, app in self._settings.apps.items():
            for path, need in self._layer.asked(app).items():
                if path != "database" and need not in self._services and need not in self._settings.apps:
                    known = ", ".join(sorted({*self._services, *self._settings.apps} - {name}))
                    yield _drop(name, path, f"names no app and no service; there are {known}")
                elif need in resting and name not in resting:
                    off = fixes.put_command(f"{_ROOT}.apps.{name}.enabled", value=False)
                    fix = fixes.put(resting[need], value=True, first=f"Or turn this off as well ({off}).")
                    yield Problem(f"{_ROOT}.apps.{name}.{path}", f"needs {need}, which is switched off", fix)

    def _resting(self) -> dict[str, str]:
        """What is switched off, and the setting that does it."""
        services = self._settings.services
        off_ = {name: fixes.of_service(name, "enabled") for name, said in services.items() if said.enabled is False}
        return off_ | {name: f"{_ROOT}.apps.{name}.enabled" for name in off(self._settings) - off_.keys()}

    def ways_out(self) -> Iterator[Problem]:
        """An app that may not leave is on no network that leads out, not even to reach what it needs."""
        open_ = {network.name for network in self._preset.networks if not network.internal and network.way_out}
        services = {service.name: service for service in self._preset.services}
        for name, app in self._settings.apps.items():
            for path, need in self._layer.asked(app).items():
                networks = services[need].networks if need in services and not app.internet else ()
                if networks and set(networks) <= open_:
                    what = (
                        f"leads to {need}, which is on {networks[0]} alone, and that has a way out: internet is false"
                    )
                    yield _drop(name, path, what, first="Or let it out: internet: true.")
        yield from self._joins()

    def _joins(self) -> Iterator[Problem]:
        """A network of another stack leads out, as far as this one knows: whoever is on it has that way."""
        for network, joining in self._settings.join.items():
            shut = [name for name in joining if (app := self._settings.apps.get(name)) and not app.internet]
            # Where more than one goes, the whole goes: taken out one by one, the numbers of the others change.
            place = tuple(joining.index(name) for name in shut) if len(shut) == 1 < len(joining) else ()
            if shut:
                where = path_of(("join", network, *place))
                what = f"would give {', '.join(shut)} that network's way out: internet is false"
                yield Problem(where, what, fixes.drop(where, first="Or let it out: internet: true."))

    def databases(self) -> Iterator[Problem]:
        """Where a database is asked for there is a server, and nobody else's of that name."""
        taken = {name for database in self._preset.databases for name in (database.name, *_roles(database))}
        for name, app in self._settings.apps.items():
            if app.database and not self._layer.server:
                yield _drop(name, "database", f"preset {self._preset.name} has no PostgreSQL")
            if app.database and database_user(name) in taken:
                yield _drop(
                    name, "database", f"preset {self._preset.name} has a database or role {database_user(name)}"
                )

    def routes(self) -> Iterator[Problem]:
        """Who asks for a key or a login is there, and a number is of a port that exists."""
        asked = self._layer.proxy or self._settings.exposure == "tunnel"
        for name, app in self._settings.apps.items():
            if app.route and app.route.access == "api-key" and not asked:
                what = (
                    f"nobody can ask for a key: preset {self._preset.name} has no proxy, and exposure is "
                    f"{self._settings.exposure}"
                )
                yield Problem(f"{_ROOT}.apps.{name}.route.access", what, _set(name, "route.access", "vpn"))
            if app.route and app.route.port and not self._layer.published(name):
                yield _drop(name, "route.port", "it has no port of its own on the host, so nothing reads it")
            if name in self._settings.hostnames and name not in self._layer.routed:
                path = f"{_ROOT}.hostnames.{name}"
                yield Problem(path, "it has no route with a name, so nothing reads it", fixes.drop(path))

    def texts(self) -> Iterator[Problem]:
        """What stands for a route, a port or a database in an environment is known."""
        resting = self._resting()
        leads = {name: name for name in self._layer.routed}
        leads |= {route.name: route.service for route in self._preset.routes}
        routes = {name for name, service in leads.items() if service not in resting}
        ports = {service.name for service in self._preset.services if service.ports}
        ports |= {name for name in self._settings.apps if self._layer.published(name)}
        ports -= resting.keys()
        known = {f"{kind}:{name}" for kind in ("host", "origin") for name in routes} | {
            f"port:{name}" for name in ports
        }
        for name, app in self._settings.apps.items():
            if name in resting:
                continue
            own = self._layer.database_texts(name) if app.database else {}
            for variable, text in app.env.items():
                for word in template.names(text):
                    kind = word.partition(":")[0]
                    if ":" in word and kind in _WORDS and word not in known | own.keys():
                        what = f"{{{word}}} stands for nothing here"
                        what += ": it has no database" if kind == "db" and not own else ""
                        who = word.partition(":")[2]
                        what += f": {who} is switched off" if leads.get(who, who) in resting else ""
                        yield _drop(name, f"env.{variable}", what)

    def volumes(self) -> Iterator[Problem]:
        """Two names together are one name in Docker, and one identity; so are those of volumes that nobody named."""
        taken = {shared_volume("", name): "all services" for name in (TOOL, *self._preset.shared_volumes)}
        for service in self._preset.services:
            own = {volume("", service.name, part, known.name) for part, known in service.volumes.items()}
            own |= {f"{service.name}-{part}" for part in (*service.volumes, *(("routes",) if service.edge else ()))}
            taken |= dict.fromkeys((*own, _files_of(service.name, service.volumes)), service.name)
        for name, app in self._settings.apps.items():
            for part in app.volumes:
                other = taken.get(f"{name}-{part}", "")
                if other:
                    what = f"together with its app's name it is called as a volume of {other}"
                    yield _drop(name, f"volumes.{part}", what)
            mine = {f"{name}-{part}" for part in app.volumes}
            files = _files_of(name, app.volumes) if app.secrets or app.database else ""
            if files in mine:
                yield _drop(name, f"volumes.{_OWN_FILES}", "is what the volume with its secrets is called")
            elif files in taken:
                yield _renamed(name, f"the volume with its secrets would be called as a volume of {taken[files]}")
            taken |= dict.fromkeys(({*mine, files} - {""}) - taken.keys(), name)

    def secrets(self) -> Iterator[Problem]:
        """No two mean different secrets by one key."""
        known = [spec for service in self._preset.services for spec in service.secrets]
        theirs = {spec.name: spec for spec in (*known, *self._preset.secrets)}
        seen: dict[str, tuple[str, SecretSpec]] = {}
        # The names in an export's .env, where those of routes' host names are too.
        variables = {spec.env_name: spec.name for spec in (*theirs.values(), *GENERAL.values())}
        routes = (*self._layer.routed, *(route.name for route in self._preset.routes))
        variables |= {f"{name.replace('-', '_').upper()}_HOST": f"the host name of {name}" for name in routes}
        for app, where, spec in app_secrets(self._settings.model_dump(mode="json")):
            meant = replace(spec, purpose="")
            owner, other = seen.setdefault(spec.name, (app, meant))
            shared = where.endswith(".shared_as")
            if spec.name in GENERAL or spec.name in KEYS or (spec.name in theirs and not shared):
                yield _drop(app, where, f"its config key would be {spec.name}, which means another secret")
            elif spec.name not in theirs and (other != meant or (owner != app and not shared)):
                yield _drop(app, where, f"its config key would be {spec.name}, which {owner} has for another secret")
            elif variables.setdefault(spec.env_name, spec.name) != spec.name:
                what = f"in an export it would be {spec.env_name}, as {variables[spec.env_name]} is"
                yield _drop(app, where, what)
        for owner, block in self._settings.apps.items():
            for variable, secret in block.secrets.items():
                for key in template.names(secret.template or ""):
                    if key not in seen and key not in theirs:
                        yield _drop(owner, f"secrets.{variable}.template", f"nobody has the secret {key}")


_ROOT = "homeport:settings"
_OWN_FILES = "own-files"


def _files_of(name: str, volumes: Mapping[str, Any]) -> str:
    """What the volume with a service's own files is called (components/workload.py)."""
    return f"{name}-{_OWN_FILES if 'files' in volumes else 'files'}"


def _drop(app: str, path: str, what: str, first: str = "") -> Problem:
    where = f"{_ROOT}.apps.{app}" + (f".{path}" if path else "")
    return Problem(where, what, fixes.drop(where, first=first))


def _renamed(app: str, what: str) -> Problem:
    where = f"{_ROOT}.apps.{app}"
    first = "Give it another name in Pulumi.<stack>.yaml, below apps, or take it out."
    return Problem(where, what, fixes.drop(where, first=first))


def _set(app: str, path: str, value: str) -> str:
    return fixes.put(f"{_ROOT}.apps.{app}.{path}", value)


def _roles(database: Database) -> tuple[str, ...]:
    return tuple(role.name for role in database.roles)
