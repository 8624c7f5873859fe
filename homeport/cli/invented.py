"""Secrets that only their issuers could give, for places where nobody asks the issuer: rehearsals and examples."""

from __future__ import annotations

import base64
import secrets
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeport.model.secret import SecretSpec

_HEX = {"hex64": 32, "hex32": 16, "long-hex": 64, "sk-key": 32}
"""How many bytes are behind that many digits."""


def invented(spec: SecretSpec) -> str:
    """A random secret of the shape that the real one has: nobody anywhere takes it."""
    if spec.length:
        return secrets.token_hex(spec.length)[: spec.length]
    if spec.kind == "account-password":
        return f"A1{secrets.token_hex(20)}"
    if spec.kind == "base64":
        return base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(_HEX[spec.kind]) if spec.kind in _HEX else secrets.token_urlsafe(32)
