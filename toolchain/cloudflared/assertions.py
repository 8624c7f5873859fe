"""Checking an assertion of Access with nothing but the standard library, as cloudflared does for `access.required`.

RS256 alone is taken: the algorithm is ours to choose, never the token's. Source of the rules: RFC 8017 section 8.2.2
(EMSA-PKCS1-v1_5 by comparison) and cloudflared's JWT validator (issuer, one audience of those listed, not expired).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

_SHA256: Final = bytes.fromhex("3031300d060960864801650304020105000420")


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _signed(key: dict[str, Any], message: bytes, signature: bytes) -> bool:
    modulus, exponent = (int.from_bytes(_decoded(key[part]), "big") for part in ("n", "e"))
    length = (modulus.bit_length() + 7) // 8
    if len(signature) != length:
        return False
    found = pow(int.from_bytes(signature, "big"), exponent, modulus).to_bytes(length, "big")
    tail = _SHA256 + hashlib.sha256(message).digest()
    wanted = b"\x00\x01" + b"\xff" * (length - len(tail) - 3) + b"\x00" + tail
    return hmac.compare_digest(found, wanted)


def accepted(token: str, keys: Sequence[dict[str, Any]], team: str, audiences: Sequence[str], now: float) -> bool:
    """Whether an assertion may pass.

    Args:
        token: The JWT.
        keys: JSON Web Keys of the team.
        team: The team's name, the first part of its `cloudflareaccess.com` domain.
        audiences: Audience tags, of which one must be the token's.
        now: Seconds since 1970.
    """
    try:
        top, content, signature = token.split(".")
        header, claims = json.loads(_decoded(top)), json.loads(_decoded(content))
        fitting = [key for key in keys if key["kid"] == header["kid"] and header["alg"] == "RS256"]
        if not fitting or not _signed(fitting[0], f"{top}.{content}".encode(), _decoded(signature)):
            return False
        named = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        right = claims["iss"] == f"https://{team}.cloudflareaccess.com" and bool(set(named) & set(audiences))
        return right and claims["exp"] > now and claims.get("nbf", 0) <= now + 60
    except (ValueError, KeyError, TypeError):
        return False
