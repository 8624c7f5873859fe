"""Which claims each system must show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.claims import (
    access,
    containers,
    doors,
    host,
    jett,
    leaks,
    mesh,
    network,
    outages,
    platform,
    reach,
    shared,
    to_hosts,
    updates,
)
from rehearsal.claims.expected import expected, hosts, systems

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.claims.claim import Claim
    from rehearsal.claims.expected import ExpectedSystem
    from rehearsal.claims.view import View

GENERAL: tuple[Claim[View, Any], ...] = (
    *updates.CLAIMS,
    *network.CLAIMS,
    *containers.CLAIMS,
    *reach.CLAIMS,
    *to_hosts.CLAIMS,
    *host.CLAIMS,
    *access.CLAIMS,
    *doors.CLAIMS,
    *mesh.CLAIMS,
)
"""What every system must show, as far as it has what they look at."""
PARTICULAR: Mapping[str, tuple[Claim[View, Any], ...]] = {
    "jett": jett.CLAIMS,
    "shared-infrastructure": shared.CLAIMS,
    "vps-infrastructure": platform.CLAIMS,
}
"""What a preset alone must show."""
_OF_CONTAINERS = (*containers.CLAIMS, *reach.CLAIMS, *to_hosts.CLAIMS, *host.CLAIMS, *doors.CLAIMS, network.METADATA)
"""Nothing to look at on a host that runs none."""
AT_THE_END: tuple[Claim[View, Any], ...] = (*leaks.CLAIMS, *outages.CLAIMS)
"""Of every system. Secrets are looked for once everything has been used; outages take something away."""


def claims_of(preset: str, system: ExpectedSystem) -> tuple[Claim[View, Any], ...]:
    """The claims of a system, in their order."""
    every = (*GENERAL, *PARTICULAR.get(preset, ()), *AT_THE_END)
    looked_at = every if system.services else tuple(claim for claim in every if claim not in _OF_CONTAINERS)
    return tuple(claim for claim in looked_at if claim.needs <= system.has)


CLAIMS: Mapping[str, tuple[Claim[View, Any], ...]] = {
    name: tuple(
        {claim.name: claim for host in hosts(name) for claim in claims_of(name, expected(name, host=host))}.values()
    )
    for name in systems()
}
"""Those of each preset where its user says nothing."""
SECURITY_CHECKLIST = (
    "bound-to-wg-ip",
    "nothing-on-public-ip",
    "socket-read-only",
    "non-root",
    "caps-dropped",
    "ufw-only-ssh-and-wg",
    "zero-trust-on",
)
"""The seven items of S2-55, in its order."""
