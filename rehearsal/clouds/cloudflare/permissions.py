"""What an API token must be allowed to do for a call, and what Cloudflare answers where it is not.

Names as the dashboard has them (developers.cloudflare.com/fundamentals/api/reference/permissions; the provider's pages
list them as "Accepted Permissions", cloudflare/terraform-provider-cloudflare, docs/resources); the API says "Write" for
the dashboard's "Edit". The gateway asks for them before the service behind it sees the call (10000 "comes from the API
gateway": cloudflare/cf-terraforming#754), so a call about something that is not there tells of the permission too.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request, page

if TYPE_CHECKING:
    from collections.abc import Mapping

READING: Final = ("GET", "HEAD", "OPTIONS")
EVERY: Final = "*"
_APPS, _TOKENS = "Access: Apps and Policies", "Access: Service Tokens"
_ORGANIZATION: Final = "Access: Organizations, Identity Providers, and Groups"
_OWNER: Final = r"/(?:accounts|zones)/[^/]+"
# The first that fits; a call that none fits needs a token, and no permission.
_NEEDED: Final = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"/zones/[^/]+/dns_records(/.*)?", "DNS"),
        (r"/zones/[^/]+/settings(/.*)?", "Zone Settings"),
        (r"/zones/[^/]+/pagerules(/.*)?", "Page Rules"),
        (r"/zones/[^/]+/rulesets(/.*)?", "Zone WAF"),
        (r"/zones/[^/]+/purge_cache", "Cache Purge"),
        (r"/accounts/[^/]+/cfd_tunnel(/.*)?", "Cloudflare Tunnel"),
        (rf"{_OWNER}/access/(apps|policies)(/.*)?", _APPS),
        (rf"{_OWNER}/access/service_tokens(/.*)?", _TOKENS),
        (rf"{_OWNER}/access/(identity_providers|groups|organizations|keys)(/.*)?", _ORGANIZATION),
        (r"/zones", "Zone"),
        (r"/zones/[^/]+", "Zone"),
    )
)
_ZONE: Final = re.compile(r"/zones/[^/]+")
_ZONES_OWN: Final = ("DNS", "Zone", "Zone Settings", "Page Rules", "Zone WAF", "Cache Purge", _APPS, _ORGANIZATION)
"""Each of them opens the zone's own page too (docs/data-sources/zone.md of the provider)."""
_EMPTY_LIST: Final = re.compile(rf"{_OWNER}/access/identity_providers")


def permissions(about: str | Mapping[str, str]) -> dict[str, str]:
    """A token's permissions by name: `edit` or `read`; a word alone stands for all of them."""
    return {EVERY: about} if isinstance(about, str) else dict(about)


def refused(held: Mapping[str, str], request: Request) -> Record | None:
    """What the call gets in place of its answer where it needs no more than `held`: nothing.

    Raises:
        ApiError: The token lacks the permission.
    """
    needed = next((name for pattern, name in _NEEDED if pattern.fullmatch(request.path)), None)
    if needed is None or _allows(held, needed, request.method):
        return None
    if request.method in READING and _EMPTY_LIST.fullmatch(request.path):
        # No refusal: to a token that may not read them an account has no identity providers.
        return page([], request.query)
    if request.method in READING and _ZONE.fullmatch(request.path):
        if any(_allows(held, name, request.method) for name in _ZONES_OWN):
            return None
        raise ApiError(403, 9109, "Unauthorized to access requested resource")
    raise ApiError(403, 10000, "Authentication error")


def _allows(held: Mapping[str, str], name: str, method: str) -> bool:
    levels = {held.get(EVERY), held.get(name)}
    return "edit" in levels or (method in READING and "read" in levels)
