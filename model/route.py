"""Doors: which host name leads to which service, and what it asks of a caller."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Reach(enum.Enum):
    """From where a route can be reached."""

    PUBLIC = "public"
    LOCAL = "this machine"
    VPN = "VPN only"


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What the edge asks of a request before it lets it through.

    Attributes:
        paths: Path patterns, as Caddy's ``path`` matcher reads them; empty: all that no other guard names.
        kind: ``api-key`` (a header equals a secret), ``basic`` (user and password), ``closed`` (nobody), ``open``.
        header: For ``api-key``: the header's name.
        user: For ``basic``: the user's name.
        secret: The secret's name.
        because: Why this guard, for the runbook.
    """

    kind: str
    because: str
    paths: tuple[str, ...] = ()
    header: str = ""
    user: str = ""
    secret: str = ""


@dataclass(frozen=True, kw_only=True)
class Route:
    """One public name.

    Attributes:
        name: Identity, and the first label of the host name unless the settings give another.
        service: The service behind it.
        port: Its port inside.
        guards: Read in order; the one without paths comes last. No guards at all is refused.
        max_body: Largest request body in bytes.
    """

    name: str
    service: str
    port: int
    guards: tuple[Guard, ...]
    max_body: int = 10 * 1024 * 1024
