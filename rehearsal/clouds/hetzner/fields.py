"""Checks on request bodies: which fields there are, of which type, and what names and labels may look like."""

from __future__ import annotations

import re
from typing import Any, Final

from rehearsal.clouds.hetzner.errors import invalid

_NAME: Final = re.compile(r"\S(.{0,126}\S)?")
_HOSTNAME: Final = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_PART: Final = r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?"
_LABEL_KEY: Final = re.compile(rf"([a-z0-9]([a-z0-9.-]{{0,251}}[a-z0-9])?/)?{_PART}")
_LABEL_VALUE: Final = re.compile(rf"({_PART})?")
_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "str": (str,),
    "int": (int,),
    "bool": (bool,),
    "list": (list,),
    "dict": (dict,),
    "id_or_name": (int, str),
}


def checked(body: dict[str, Any], spec: str) -> dict[str, Any]:
    """The fields that were given; raises `ApiError` for unknown, missing and ill-typed ones, all at once.

    Args:
        body: The request's JSON object.
        spec: Fields as `name:type`, separated by blanks; `!` behind the type makes one required, `?` lets it be null.
    """
    known = {name: kind for name, _, kind in (field.partition(":") for field in spec.split())}
    wrong = {name: "unknown field" for name in body if name not in known}
    for name, kind in known.items():
        if name not in body or (body[name] is None and kind.endswith("?")):
            if kind.endswith("!"):
                wrong[name] = "missing data for required field"
            continue
        value, types = body[name], _TYPES[kind.rstrip("!?")]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            wrong[name] = f"must be of type {kind.rstrip('!?')}"
    wrong |= _further(body, wrong)
    if wrong:
        raise invalid(wrong)
    return dict(body)


def _further(body: dict[str, Any], wrong: dict[str, str]) -> dict[str, str]:
    more = {}
    if "name" in body and "name" not in wrong and not _NAME.fullmatch(body["name"]):
        more["name"] = "must be 1 to 128 characters, without blanks at either end"
    if body.get("labels") and "labels" not in wrong:
        bad = [
            key
            for key, value in body["labels"].items()
            if not _LABEL_KEY.fullmatch(key) or not isinstance(value, str) or not _LABEL_VALUE.fullmatch(value)
        ]
        if bad:
            more["labels"] = f"invalid label: {', '.join(bad)}"
    return more


def hostname(name: str) -> None:
    """Refuses a server name that is no valid host name (RFC 1123)."""
    if not _HOSTNAME.fullmatch(name):
        raise invalid({"name": "must be a valid hostname as per RFC 1123"})
