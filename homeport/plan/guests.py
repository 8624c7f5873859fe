"""What stacks have together: routes to services of others, and the networks of others that services here join."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from typing import TYPE_CHECKING

from homeport.model import fixes, names
from homeport.model.errors import Problem
from homeport.model.route import Guard, Route
from homeport.settings.friendly import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.model.preset import Preset
    from homeport.settings.guests import Guest
    from homeport.settings.schema import Settings

ROOT = "homeport:settings"
_PEOPLE = Guard(kind="login", because="whoever the stack's settings name")


def routes(preset: Preset, settings: Settings) -> tuple[Route, ...]:
    """The preset's own routes, then those to guests: with the guards of this stack's exposure."""
    known = {route.name: route for route in preset.guests}
    opened = {name: _route(preset, known.get(name), name, guest) for name, guest in settings.guests.items()}
    if settings.exposure == "local":
        opened = known | opened
    off = {name for name, guest in settings.guests.items() if not guest.enabled}
    proxies = {service.name for service in preset.services if service.edge}
    if any(name in proxies and chosen.enabled is False for name, chosen in settings.services.items()):
        off |= set(opened)
    found = (*preset.routes, *(route for name, route in sorted(opened.items()) if name not in off))
    if settings.exposure == "tunnel":
        return found
    return tuple(replace(route, guards=route.without_access or route.guards) for route in found)


def _route(preset: Preset, known: Route | None, name: str, guest: Guest) -> Route:
    service, _, port = (guest.to or "").partition(":")
    plain = Route(name=name, service=service, port=int(port or 0), guest=True, guards=(_PEOPLE,))
    route = replace(known, service=service, port=int(port)) if known and service else known or plain
    if guest.access == "login":
        asked = (preset.operator,) if preset.operator else ()
        return route if route.without_access else replace(route, without_access=asked)
    because = guest.because or "open to everybody, as this stack's settings say"
    return replace(
        route,
        guards=(Guard(kind="bypass", because=because),),
        without_access=(Guard(kind="open", because=because),),
    )


def hostnames(settings: Settings) -> dict[str, str]:
    """Host names that guests have by a setting of their own."""
    return {
        name: guest.host if "." in guest.host else names.hostname(guest.host, settings.domain)
        for name, guest in settings.guests.items()
        if guest.host
    }


def problems(preset: Preset, settings: Settings) -> Iterator[Problem]:
    """What is said of guests and joined networks that this preset cannot have."""
    known = {route.name for route in preset.guests}
    taken = {route.name for route in preset.routes}
    for name, guest in sorted(settings.guests.items()):
        where = f"{ROOT}.guests.{name}"
        if preset.operator is None:
            yield Problem(where, "this preset has no network that other stacks join", fixes.drop(where))
        elif name in taken:
            yield Problem(where, "the preset has a route of this name already", fixes.drop(where))
        elif name not in known and guest.to is None:
            what = f"the preset knows no guest {name}, so it must say which service it leads to"
            yield Problem(where, what, fixes.put(f"{where}.to", "<the container and its port, such as app:8000>"))
        if guest.access == "public" and not guest.because and settings.environment != "dev":
            what = "is missing: everybody may come in, and nothing says why"
            yield Problem(f"{where}.because", what, fixes.put(f"{where}.because", "<why everybody may come in>"))
    yield from _joins(preset, settings)


def _joins(preset: Preset, settings: Settings) -> Iterator[Problem]:
    services = sorted({*(service.name for service in preset.services), *settings.apps})
    own = {names.physical(settings.namespace, network.name) for network in preset.networks}
    for network, joining in sorted(settings.join.items()):
        if network in own:
            where = path_of(("join", network))
            what = "is this stack's own network: its services are on it already, or are not to be"
            yield Problem(where, what, fixes.drop(where))
        absent = {name: index for index, name in enumerate(joining) if name not in services}
        # Where more than one goes, the whole goes: taken out one by one, the numbers of the others change.
        place = tuple(absent.values()) if len(absent) == 1 < len(joining) else ()
        near = {name: get_close_matches(name, services, n=1) for name in absent}
        hints = [f"{name} (did you mean {close[0]}?)" if close else name for name, close in near.items()]
        if absent:
            known = "" if all(near.values()) else f"; it has {', '.join(services)}"
            where = path_of(("join", network, *place))
            yield Problem(where, f"the stack has no {', no '.join(hints)}{known}", fixes.drop(where))
