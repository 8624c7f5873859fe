"""Zones at Cloudflare: which one a domain is in, and what its certificate at the edge covers."""

from __future__ import annotations

import re

_SECOND_LEVEL = re.compile(
    "ac|adv|art|asn|biz|co|com|edu|firm|gen|go|gob|gouv|gov|gv|id|idv|in|ind|info|jus|ltd|me|med|mil|muni|name|ne|net|"
    "nhs|nic|nom|or|org|plc|police|pro|sch|school|sld|tm|web"
)
"""Labels that registries of countries sell names below: ``co.uk``, ``com.au``, ``or.at``."""
_COUNTRY = 2
"""Letters of a country's domain."""


def of(domain: str) -> str:
    """The zone that a domain is in, as far as its name tells: what a registry sells, as ``example.co.uk``."""
    labels = domain.split(".")
    sold_below = len(labels) > _COUNTRY and len(labels[-1]) == _COUNTRY and bool(_SECOND_LEVEL.fullmatch(labels[-2]))
    return ".".join(labels[-3 if sold_below else -2 :])


def holds(zone: str, name: str) -> bool:
    """Whether a name is the zone's own or lies below it."""
    return f".{name}".endswith(f".{zone}")


def covered(zone: str, name: str) -> bool:
    """Whether the zone's certificate at the edge is for a name: the zone itself, and one level below.

    Source: developers.cloudflare.com/ssl/edge-certificates/universal-ssl/limitations.
    """
    return holds(zone, name) and "." not in name.removesuffix(zone).removesuffix(".")


def flat(zone: str, name: str) -> str:
    """A name of one level instead: ``n8n.preprod.example.com`` is ``n8n-preprod.example.com``."""
    return f"{name.removesuffix(zone).removesuffix('.').replace('.', '-')[:63].strip('-')}.{zone}"
