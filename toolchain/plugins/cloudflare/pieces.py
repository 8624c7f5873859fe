"""Properties that many resource types have in the same form."""

from __future__ import annotations

from typing import Final

from toolchain.plugins.cloudflare.fields import Field

ACCOUNT: Final = Field(replaces=True, in_path=True)
ZONE: Final = Field(replaces=True, in_path=True)
TEXT, FLAG, WHOLE, TEXTS = Field(), Field("boolean"), Field("integer"), Field(many=True)


def output(kind: str = "string", api: str = "", *, keeps: bool = False, secret: bool = False) -> Field:
    """A property that only the API fills in."""
    return Field(kind, api, computed=True, settable=False, keeps=keeps, secret=secret)
