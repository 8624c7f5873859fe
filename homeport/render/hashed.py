"""A password as the hash of it that a sign-in page keeps."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_BASE64 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPTS = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_LONGEST = 72
"""Bytes; what comes behind them is no part of a bcrypt hash, and the package refuses it."""
_COST = b"10"
"""Doublings: as many as n8n takes itself (n8n-io/n8n, packages/cli/src/services/password.utility.ts); about 50 ms."""


def hashed(key: str) -> Callable[[str], str]:
    """What makes a value's bcrypt hash.

    The salt is made of the key and the value: as long as both stay the hash does, so that a preview shows no change.

    Args:
        key: Known to nobody who may see a hash.
    """

    def of(value: str) -> str:
        import bcrypt  # noqa: PLC0415  # rarely needed

        digest = hmac.new(key.encode(), b"bcrypt\0" + value.encode(), hashlib.sha256).digest()
        salt = base64.b64encode(digest[:16]).rstrip(b"=").translate(bytes.maketrans(_BASE64, _BCRYPTS))
        return bcrypt.hashpw(value.encode()[:_LONGEST], b"$2b$" + _COST + b"$" + salt).decode()

    return of
