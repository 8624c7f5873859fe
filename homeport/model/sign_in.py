"""Where a person or a program comes in, and what is asked of them there, in the order in which it is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeport.model import template
from homeport.model.blueprint import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.model.blueprint import Blueprint
    from homeport.model.route import Guard, Route
    from homeport.model.service import PublishedPort, Service

_ACCESS = "Cloudflare Access"


@dataclass(frozen=True, kw_only=True)
class Login:
    """One question to a person.

    Attributes:
        asked_by: Who asks: the proxy, Cloudflare Access, the service itself.
        user: Whom the person says to be.
        secret: Name of the secret that is the password; empty: there is none of the stack's.
    """

    asked_by: str
    user: str
    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a program sends with each request.

    Attributes:
        path: For which paths.
        header: The header's name.
        secret: Name of the secret that is its value, as credentials show it.
    """

    path: str
    header: str
    secret: str


@dataclass(frozen=True, kw_only=True)
class Door:
    """An address that a person or a program can go to.

    Attributes:
        service: The service behind it; the route's name where that is another machine.
        address: Its URL.
        logins: What a browser is asked, in that order.
        headers: What programs send.
    """

    service: str
    address: str
    logins: tuple[Login, ...] = ()
    headers: tuple[Header, ...] = ()


def doors(blueprint: Blueprint) -> tuple[Door, ...]:
    """All of a stack's, by service: its routes, then its ports for a browser on this machine or in the VPN."""
    services = {service.name: service for service in blueprint.services}
    found = [_routed(blueprint, route, services.get(route.service)) for route in blueprint.routes]
    known = {door.address for door in found}
    found += [
        door for service in blueprint.services for door in _direct(blueprint, service) if door.address not in known
    ]
    return tuple(sorted(found, key=lambda door: door.service))


def access(blueprint: Blueprint, service: Service) -> str:
    """Who comes to a service, in words."""
    edge = "public" if blueprint.edge.public else blueprint.edge.bind
    if service.edge:
        return f"the proxy itself, {edge}"
    if service.schedule:
        return f"runs at {service.schedule} (UTC)"
    ways = [f"{_whose(blueprint, port)}, {port.address}:{port.outside}" for port in blueprint.published(service)]
    route = {route.service: route for route in blueprint.routes}.get(service.name)
    if route and blueprint.exposure == "tunnel":
        ways.append(f"tunnel with {guards(route)}")
    elif route and blueprint.proxy:
        ways.append(f"{edge}, through the proxy with {guards(route)}")
    return "; ".join(ways) or ("inside only" if service.networks else "no network")


def guards(route: Route) -> str:
    """What a route asks of whoever gets in, in words."""
    return " or ".join(dict.fromkeys(guard.kind for guard in route.guards if guard.kind != "closed"))


def _whose(blueprint: Blueprint, port: PublishedPort) -> str:
    if port.address == LOOPBACK:
        return "this machine only"
    return "VPN only" if blueprint.vpn and port.address == blueprint.vpn.address else "public"


def _routed(blueprint: Blueprint, route: Route, service: Service | None) -> Door:
    # A browser begins at the top of the site, whose guard names no paths.
    top = [guard for guard in route.guards if not guard.paths]
    outside = blueprint.exposure != "local"
    logins = [Login(asked_by=_ACCESS, user=blueprint.people) for guard in top if outside and guard.kind == "login"]
    logins += [Login(asked_by="the proxy", user=guard.user, secret=guard.secret) for guard in top if guard.user]
    headers = [
        header
        for guard in route.guards
        for path in guard.paths or ("/*",)
        for header in _headers(route, guard, path, outside=outside)
    ]
    return Door(
        service=service.name if service else route.name,
        address=blueprint.origin(route),
        logins=(*logins, *(_own(blueprint, service) if service else ())),
        headers=tuple(headers),
    )


def _headers(route: Route, guard: Guard, path: str, *, outside: bool) -> tuple[Header, ...]:
    if guard.header:
        return (Header(path=path, header=guard.header, secret=guard.secret),)
    if guard.kind != "service-token" or not outside:
        return ()
    return tuple(
        Header(path=path, header=f"CF-Access-Client-{part.title()}", secret=service_token(route.name, part))
        for part in ("id", "secret")
    )


def service_token(route: str, part: str) -> str:
    """The name under which credentials show the id or the secret of a route's service token."""
    return f"service-token-{route}-{part}"


def _direct(blueprint: Blueprint, service: Service) -> Iterator[Door]:
    if service.sign_in and not service.edge:
        for port in blueprint.published(service):
            yield Door(
                service=service.name,
                address=f"http://{port.address}:{port.outside}",
                logins=tuple(_own(blueprint, service)),
            )


def _own(blueprint: Blueprint, service: Service) -> Iterator[Login]:
    if service.sign_in:
        user = template.fill(service.sign_in.user, blueprint.texts(), template.LINE)
        yield Login(asked_by=service.name, user=user, secret=service.sign_in.secret)
