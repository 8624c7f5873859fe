"""Who issues a proxy's certificates, and how the proxy shows that a name is its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

DNS_KEYS = ("ovh-application-key", "ovh-application-secret", "ovh-consumer-key")
"""Names of the secrets that sign calls to OVH, in the order in which OVH hands them out."""


@dataclass(frozen=True, kw_only=True)
class Authority:
    """An authority that speaks ACME (RFC 8555).

    Attributes:
        url: Its directory; empty: Let's Encrypt's.
        root: Certificates (PEM) that are not publicly trusted: the one that its own is signed by, and the one of those
            that it issues, which a relay goes by.
        challenge: ``http``: by ports 80 and 443 of the name; ``ovh``: by a record of the zone (DNS-01), so that nobody
            has to reach the name from outside.
        endpoint: For ``ovh``: name or URL of the interface that keeps the zone.
    """

    url: str = ""
    root: str = ""
    challenge: Literal["http", "ovh"] = "http"
    endpoint: str = ""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Names of the secrets that the proxy needs for it."""
        return DNS_KEYS if self.challenge == "ovh" else ()
