"""What a record may be, and its text in a zone file."""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.ovh.errors import conflict, wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

TYPES: Final = (
    *("A", "AAAA", "CAA", "CNAME", "DKIM", "DMARC", "DNAME", "HTTPS", "LOC", "MX", "NAPTR", "NS", "PTR", "RP", "SPF"),
    *("SRV", "SSHFP", "SVCB", "TLSA", "TXT"),
)
TEXTS: Final = frozenset({"TXT", "SPF", "DKIM", "DMARC"})
"""All of them TXT to whoever asks the name servers."""
_NAME: Final = re.compile(r"(?:(?:\*|[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)(?:\.[A-Za-z0-9_-]+)*)?")
_HOST: Final = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_.])?")
_LEAST_TTL: Final = 60
_FIELDS: Final = {"fieldType", "subDomain", "target", "ttl"}


def fields(body: Mapping[str, Any], allowed: Iterable[str] = _FIELDS) -> dict[str, Any]:
    """The fields of a body, each of its type.

    Raises:
        OvhError: One is unknown, or of another type.
    """
    if unknown := sorted(set(body) - set(allowed)):
        raise wrong(f"Received not described parameters: ({', '.join(unknown)})")
    for name, value in body.items():
        kind = int if name == "ttl" else str
        if value is not None and (not isinstance(value, kind) or isinstance(value, bool)):
            raise wrong(f"[{name}] Given data ({value}) is not valid for type {'long' if name == 'ttl' else 'string'}")
    return {name: value for name, value in body.items() if value is not None}


def checked(row: Mapping[str, Any], others: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A record as it is kept.

    Args:
        row: Type, name below the zone, target, and seconds to live.
        others: The zone's other records.

    Raises:
        OvhError: Its target is none of its type, or it cannot be beside another.
    """
    kind, name, target, ttl = row["fieldType"], row.get("subDomain") or "", row["target"], row.get("ttl") or 0
    if kind not in TYPES:
        raise wrong(f"[fieldType] Given data ({kind}) does not belong to the RecordTypeEnum enumeration")
    if not _NAME.fullmatch(name):
        raise wrong("Invalid subdomain")
    if ttl and ttl < _LEAST_TTL:
        raise wrong(f"Invalid ttl: the minimum is {_LEAST_TTL}")
    target = _target(kind, target)
    beside = {other["fieldType"] for other in others if other["subDomain"].lower() == name.lower()}
    if (kind == "CNAME" and (beside or not name)) or "CNAME" in beside:
        raise conflict("A CNAME record cannot be beside another record of its name")
    return {"fieldType": kind, "subDomain": name, "target": target, "ttl": ttl}


def _target(kind: str, target: str) -> str:
    if kind in ("A", "AAAA"):
        try:
            address = ipaddress.ip_address(target)
        except ValueError:
            address = None
        if address is None or address.version != (4 if kind == "A" else 6):
            raise wrong(f"Invalid target for a record of type {kind}")
    elif kind in TEXTS:
        # Kept in quotes, as a zone file has it, whether the caller wrote them or not.
        bare = target[1:-1] if len(target) > 1 and target[0] == target[-1] == '"' else target
        if '"' in bare:
            raise wrong("Invalid target: unbalanced quotes")
        return f'"{bare}"'
    elif kind in ("CNAME", "NS") and not _HOST.fullmatch(target):
        raise wrong(f"Invalid target for a record of type {kind}")
    return target


def line(row: Mapping[str, Any]) -> str:
    """A record's line in a zone file."""
    name, ttl = row["subDomain"] or "", row["ttl"] or ""
    kind = "TXT" if row["fieldType"] in TEXTS else row["fieldType"]
    return f"{name:<15} {ttl:>6} IN {kind:<6} {row['target']}"
