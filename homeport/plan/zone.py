"""Which records the names of a stack need, and who issues their certificates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from homeport.model import zones
from homeport.model.addresses import literal
from homeport.model.authority import Authority

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeport.model.blueprint import Blueprint
    from homeport.model.route import Route
    from homeport.settings.schema import Settings

_STAGING = "https://acme-staging-v02.api.letsencrypt.org/directory"
"""Nobody trusts its certificates, and it has no such limits (letsencrypt.org/docs/staging-environment)."""
_WITH_RECORDS = ("direct", "vpn")


@dataclass(frozen=True, kw_only=True)
class NameRecord:
    """One record.

    Attributes:
        name: The route's, which is identity.
        hostname: The name.
        kind: ``A`` or ``CNAME``.
        host: The host that it leads to, by its public address.
        target: The address instead, where it is known beforehand.
        member: The member of the mesh whose address there it leads to instead.
    """

    name: str
    hostname: str
    kind: str
    host: str = ""
    target: str = ""
    member: str = ""


def zone(settings: Settings) -> str:
    """The zone that the names are in."""
    return str((settings.dns.zone if settings.dns else None) or zones.of(settings.domain))


def provider(settings: Settings) -> str:
    """Who keeps the records: ``cloudflare``, ``manual`` or ``ovh``; empty: nobody that homeport knows."""
    if settings.dns:
        return settings.dns.provider
    return "cloudflare" if settings.cloudflare else ""


def records(blueprint: Blueprint, settings: Settings) -> tuple[NameRecord, ...]:
    """A record for each route: it leads to the host whose proxy answers, in a VPN to the proxy's address there."""
    if not blueprint.proxies or blueprint.exposure not in _WITH_RECORDS:
        return ()
    inside = blueprint.edge.bind if blueprint.exposure == "vpn" else ""
    found = []
    for route in blueprint.routes:
        proxy = blueprint.proxy_of(route)
        host = blueprint.homes[proxy.name] if proxy else ""
        machine = settings.hosts[host]
        if machine.mode == "local":
            continue
        named = machine.mode == "adopt" and not inside and not literal(machine.address)
        member = host if not inside and _for_members(blueprint, route, settings) else ""
        kind, hostname = "CNAME" if named and not member else "A", blueprint.host(route)
        found.append(NameRecord(name=route.name, hostname=hostname, kind=kind, host=host, target=inside, member=member))
    return tuple(found)


def _for_members(blueprint: Blueprint, route: Route, settings: Settings) -> bool:
    """Whether a name leads into the mesh: members come from their addresses there only if they go there.

    A certificate by ports 80 and 443 needs a name that everybody reaches.
    """
    asked = any(guard.kind == "members" for guard in route.guards)
    return bool(asked and blueprint.mesh and settings.certificates and settings.certificates.challenge != "http")


def authority(settings: Settings) -> Authority | None:
    """Who issues certificates, where the settings say so."""
    chosen = settings.certificates
    if chosen is None:
        return None
    return Authority(
        url=chosen.authority or (_STAGING if settings.environment == "preprod" else ""),
        root=chosen.authority_root or "",
        challenge=chosen.challenge,
        endpoint=settings.dns.endpoint if settings.dns else "",
    )


def _at(item: NameRecord) -> str:
    return f"mesh:{item.member}" if item.member else item.host


def by_hand(records: tuple[NameRecord, ...], addresses: Mapping[str, str]) -> tuple[str, ...]:
    """The records as steps for a person; addresses by host, those in the mesh by ``mesh:MEMBER``."""
    return tuple(
        f"Make the DNS record {item.hostname} {item.kind} {item.target or addresses.get(_at(item), '')}"
        for item in records
    )
