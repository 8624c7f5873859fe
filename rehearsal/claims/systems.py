"""Which claims each system must show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.claims import access, containers, host, jett, leaks, network, outages

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rehearsal.claims.claim import Claim
    from rehearsal.claims.view import View

CLAIMS: Mapping[str, tuple[Claim[View, Any], ...]] = {
    "jett": (
        *network.CLAIMS,
        *containers.CLAIMS,
        *host.CLAIMS,
        *access.CLAIMS,
        *jett.CLAIMS,
        *leaks.CLAIMS,
        # Last, as they take something away.
        *outages.CLAIMS,
    )
}
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
