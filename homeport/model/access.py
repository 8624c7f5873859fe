"""Public host names of a tunnel as values: where each leads, which part of it asks what, and who the people are."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeport.model import fixes
from homeport.model.errors import Problem
from homeport.model.route import ACCESS_KINDS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeport.model.blueprint import Blueprint
    from homeport.model.route import Guard, GuardKind

METRICS = "127.0.0.1:20241"
"""Where a tunnel's connector tells how it is."""
_PATH = re.compile(r"/[A-Za-z0-9._~/-]*\*?")
_CATALOG = "Fix the preset's routes; this is not a matter of settings."


@dataclass(frozen=True, kw_only=True)
class Area:
    """A part of a host name under one guard; each has its own application in Access, and its own audience.

    Attributes:
        key: Identity: the host name's, or ``name.path`` for a part with a path of its own.
        path: As Access reads it: ``/webhook/*``; empty for all that no other area names.
        kind: ``login``, ``service-token``, ``bypass`` or ``closed``.
        because: The guard's reason.
    """

    key: str
    path: str
    kind: GuardKind
    because: str

    @property
    def pattern(self) -> str:
        """The path as a regular expression of cloudflared (RE2), which it holds against the decoded path; empty: any.

        It is as wide as what Access takes the path for, and without case where it closes something: Express, and so
        n8n, takes ``/WEBHOOK/`` for ``/webhook/``. What it opens to everybody stays narrow.

        Source: developers.cloudflare.com/cloudflare-one/access-controls/policies/app-paths; cloudflared's
        ingress/ingress.go (``FindMatchingRule``) and proxy/proxy.go (``req.URL.Path``); expressjs.com, ``case
        sensitive routing``.
        """
        if not self.path:
            return ""
        fixed = ("" if self.kind == "bypass" else "(?i)") + "^" + re.escape(self.path.removesuffix("*"))
        return fixed if self.path.endswith("*") else f"{fixed.removesuffix('/')}(/|$)"


@dataclass(frozen=True, kw_only=True)
class PublicHostname:
    """One public host name of a tunnel.

    Attributes:
        name: Identity: the route's name.
        hostname: The name on the internet.
        origin: URL that the host reaches the service at.
        guards: As in the route; the last, without paths, stands for the rest.
        far: True if the origin is another machine, which may be off.
    """

    name: str
    hostname: str
    origin: str
    guards: tuple[Guard, ...]
    far: bool = False

    def areas(self) -> tuple[Area, ...]:
        """The parts, those with a path first."""
        areas: dict[str, Area] = {}
        for guard in self.guards:
            for path in guard.paths or ("",):
                key = stem = ".".join(filter(None, (self.name, _slug(path))))
                number = 2
                while key in areas:
                    key, number = f"{stem}-{number}", number + 1
                areas[key] = Area(key=key, path=path, kind=guard.kind, because=guard.because)
        return tuple(areas.values())


@dataclass(frozen=True, kw_only=True)
class People:
    """Whom a ``login`` lets in: any of these. Nobody, where all are empty.

    Attributes:
        emails: Addresses.
        domains: Domains of addresses.
        groups: Ids of groups of Access.
        google_groups: Addresses of groups of Google Workspace; they need a Google identity provider.
    """

    emails: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    google_groups: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.emails or self.domains or self.groups or self.google_groups)


def public_hostnames(blueprint: Blueprint) -> tuple[PublicHostname, ...]:
    """A blueprint's routes as public host names of its tunnel."""
    return tuple(
        PublicHostname(
            name=route.name,
            hostname=blueprint.host(route),
            origin=blueprint.upstream(route),
            guards=route.guards,
            far=bool(route.upstream),
        )
        for route in blueprint.routes
    )


def problems(hostnames: tuple[PublicHostname, ...], people: People) -> Iterator[Problem]:
    """What Access could not do, or would do otherwise than the preset means."""
    if any(area.kind == "login" for hostname in hostnames for area in hostname.areas()) and not people:
        fix = fixes.put(f"{fixes.SETTINGS}.access.emails[0]", "<a mail address>")
        yield Problem("access", "a route asks for a login, and nobody is named who may log in", fix)
    for hostname in hostnames:
        where = f"routes.{hostname.name}"
        if not hostname.origin:
            yield Problem(where, "a tunnel finds nothing behind it: its service publishes no port", _CATALOG)
        for area in hostname.areas():
            if area.kind not in ACCESS_KINDS:
                yield Problem(f"{where}.guards", f"Access has no guard {area.kind!r}", _CATALOG)
            if area.path and not _PATH.fullmatch(area.path):
                yield Problem(
                    f"{where}.guards", f"{area.path!r} is no path that Access knows: /x, /x/* or /x*", _CATALOG
                )
            if area.kind == "bypass" and not area.because.strip():
                yield Problem(f"{where}.guards", f"{area.path or 'everything'} is open without a reason", _CATALOG)


def _slug(path: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", path.lower()).strip("-") if path.strip("/*") else "all" if path else ""
