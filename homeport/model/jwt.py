"""JSON Web Tokens signed by HS256, made and looked at. RFC 7515, RFC 7518 section 3.2, RFC 7519."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LEAST_KEY = 32
"""Characters that a key has at least: as many bytes as the hash (RFC 7518, section 3.2)."""
_SHAPE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]{43}")
_REGISTERED = frozenset({"iss", "sub", "aud", "exp", "nbf", "iat", "jti"})
"""Claims that are no one software's (RFC 7519, section 4.1): another issuer may say them otherwise."""


def unsigned(claims: Mapping[str, str | int]) -> str:
    """Header and claims, as they are signed: the same text for the same claims."""
    return f"{_encoded({'alg': 'HS256', 'typ': 'JWT'})}.{_encoded(claims)}"


def signed(key: str, claims: Mapping[str, str | int]) -> str:
    """The token that says ``claims``, signed with ``key``."""
    text = unsigned(claims)
    return f"{text}.{_signature(key, text)}"


def is_token(text: str) -> bool:
    """Whether a text has the three parts of a token, the last as long as a signature of HS256 is."""
    return _SHAPE.fullmatch(text) is not None


def misfit(token: str, key: str, claims: Mapping[str, str | int], now: float) -> str:
    """Why a token does not do in place of one that says ``claims``; nothing where it does.

    Args:
        token: A text for which ``is_token`` holds.
        key: What it has to be signed with.
        claims: What it has to say; who issued it, and when, may differ.
        now: Seconds since 1970.
    """
    text, _, signature = token.rpartition(".")
    if not hmac.compare_digest(signature, _signature(key, text)):
        return "is not signed with it by HS256"
    try:
        header, said = (json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in text.split("."))
    except (binascii.Error, ValueError):
        return "holds what is no JSON"
    if not isinstance(header, dict) or not isinstance(said, dict) or header.get("alg") != "HS256":
        return "is not signed with it by HS256"
    for name in sorted(claims.keys() - _REGISTERED):
        if said.get(name) != claims[name]:
            return f"does not say {name} {claims[name]}"
    until = said.get("exp")
    return "is no longer valid, by its claim exp" if isinstance(until, int | float) and until <= now else ""


def _encoded(value: Mapping[str, str | int]) -> str:
    return _base64(json.dumps(dict(value), separators=(",", ":")).encode())


def _signature(key: str, text: str) -> str:
    return _base64(hmac.digest(key.encode(), text.encode(), hashlib.sha256))


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
