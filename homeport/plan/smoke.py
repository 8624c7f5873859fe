"""What a stack must answer once it is deployed, from inside its mesh or VPN and from outside: derived from its routes.

Nobody brings a key: what is shown is that everything is there, and that what is for somebody is not for everybody.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeport.model.route import ACCESS_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from homeport.model.blueprint import Blueprint
    from homeport.model.route import Guard, Route
    from homeport.settings.smoke import SmokeTest

_ALIVE = tuple(status for status in range(100, 500) if status not in {403, 421})
"""What a service says by itself: a page, a redirect to its login, that it wants a key. 403 and 421 are the proxy's."""
_UNASKED = ("an answer of the service", _ALIVE)
_WORKS = ("200", (200,))
_AWAY = (502, 503, 504)
_TURNED_AWAY = (302, 401, 403)
_ASKED_BY_ACCESS = ("login", "service-token")
_WITHOUT_KEY = ("members", "open")
_LOGIN = ".cloudflareaccess.com"
"""Access's own page: a redirect of the service to a login of its own is no answer of Access."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One address, and what it must answer.

    Attributes:
        name: The route or the name in the settings, and the path.
        url: What is asked for by GET; ``tcp://HOST:PORT``: whether somebody accepts connections.
        expected: The answer in words.
        statuses: Which statuses are that.
        silence: Whether no answer at all is right as well: closed ports, and names that lead into the mesh.
        contains: What the body must have in it; empty: anything.
        login: Where a redirect must lead to: the end of a host name; empty: anywhere.
    """

    name: str
    url: str
    expected: str
    statuses: tuple[int, ...]
    silence: bool = False
    contains: str = ""
    login: str = ""


def checks(blueprint: Blueprint, own: Mapping[str, SmokeTest], *, inside: bool) -> tuple[Check, ...]:
    """All checks, in the order of routes, ports and own ones.

    Args:
        blueprint: The system.
        own: Those of the settings.
        inside: Whether they are made from inside the mesh or VPN.
    """
    return (
        *(check for route in blueprint.routes for check in _of_route(blueprint, route, inside=inside)),
        *_ports(blueprint, inside=inside),
        *_own(own, inside=inside),
    )


def _of_route(blueprint: Blueprint, route: Route, *, inside: bool) -> Iterator[Check]:
    origin = blueprint.origin(route)
    before = blueprint.exposure == "tunnel" and any(guard.kind in ACCESS_KINDS for guard in route.guards)
    # Where only members pass, by public DNS nobody else comes that far.
    private = blueprint.exposure == "vpn" and not inside
    # Without a proxy it is Access alone that asks, and without a tunnel nobody comes by Access.
    asked = blueprint.exposure == "tunnel" or blueprint.proxy is not None
    if route.health and not before:
        yield Check(
            name=f"{route.name} /health",
            url=f"{origin}/health",
            expected="no answer" if private else "200",
            statuses=() if private else (200,),
            silence=private,
        )
    for guard in route.guards:
        path = _path(route, guard)
        expected, statuses = _answer(route, guard, inside=inside) if asked else _itself(route, guard)
        silence = private or (guard.kind == "members" and not inside) or (not asked and bool(route.upstream))
        if silence:
            expected = f"{expected} or no answer"
        yield Check(
            name=f"{route.name} {path}",
            url=f"{origin}{path}",
            expected=expected,
            statuses=statuses,
            silence=silence,
            login=_LOGIN if asked and guard.kind in _ASKED_BY_ACCESS else "",
        )


def _path(route: Route, guard: Guard) -> str:
    """A path that the guard stands before, and no other."""
    if guard.paths:
        return guard.paths[0].replace("*", "homeport-smoke")
    if _probed(route, guard):
        return route.probe
    return "/" if len(route.guards) == 1 else "/homeport-smoke"


def _probed(route: Route, guard: Guard) -> bool:
    """Whether its service can be asked whether it works, by everybody whom the guard lets in."""
    return bool(route.probe) and not guard.paths and guard.kind in _WITHOUT_KEY


def _itself(route: Route, guard: Guard) -> tuple[str, tuple[int, ...]]:
    """What the service says to whoever comes as far as to it."""
    return _WORKS if _probed(route, guard) else _UNASKED


def _answer(route: Route, guard: Guard, *, inside: bool) -> tuple[str, tuple[int, ...]]:
    if guard.kind in {"api-key", "basic"}:
        return "401", (401,)
    if guard.kind in _ASKED_BY_ACCESS:
        return "a login or a refusal", _TURNED_AWAY
    if guard.kind == "closed":
        return "404", (404, *_TURNED_AWAY)
    if guard.kind == "members" and not inside:
        return "403", (403,)
    if route.guest:
        return "any answer", (*_ALIVE, *_AWAY)
    return _itself(route, guard)


def _ports(blueprint: Blueprint, *, inside: bool) -> Iterator[Check]:
    """What services publish in the VPN by themselves."""
    vpn = blueprint.vpn
    if vpn is None:
        return
    for service in blueprint.services:
        for port in blueprint.published(service):
            if port.address == vpn.address and port.protocol == "tcp":
                url = f"tcp://{port.address}:{port.outside}"
                yield Check(
                    name=f"{service.name} {port.outside}",
                    url=url,
                    expected="a connection" if inside else "no answer",
                    statuses=(200,) if inside else (),
                    silence=not inside,
                )


def _own(own: Mapping[str, SmokeTest], *, inside: bool) -> Iterator[Check]:
    for name, test in own.items():
        if inside or not test.inside:
            yield Check(
                name=name,
                url=str(test.url),
                expected=str(test.status),
                statuses=(test.status,),
                contains=test.contains,
            )
