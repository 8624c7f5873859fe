"""Routes: which host name leads to which service, and what it asks of a caller."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from homeport.model import template

GuardKind = Literal["api-key", "basic", "members", "open", "login", "service-token", "bypass", "closed"]
ACCESS_KINDS: frozenset[GuardKind] = frozenset({"login", "service-token", "closed", "bypass"})
"""Guards that Cloudflare Access asks, before a request comes near a server of ours."""


@dataclass(frozen=True, kw_only=True)
class Guard:
    """What the edge asks of a request before it lets it through.

    Attributes:
        paths: Path patterns, as Caddy's ``path`` matcher reads them; empty: all that no other guard names.
        kind: Asked by the proxy: ``api-key`` (a header equals a secret), ``basic`` (user and password), ``members``
            (callers from ``networks``, whoever they are), ``closed`` (nobody), ``open``. Asked by Cloudflare Access:
            ``login`` (a person whom the settings name), ``service-token`` (a program), ``closed``, ``bypass``.
        header: For ``api-key``: the header's name.
        user: For ``basic``: the user's name.
        secret: The secret's name.
        networks: For ``members``: where callers come from, each a CIDR, ``{mesh}`` or ``{subnet:NETWORK}``. Two at
            least: the members', and that of the proxy itself, by whose gateway Docker lets in who asks on the host.
        because: Why this guard, for the runbook.
        itself: For ``open`` and ``bypass``: what the service behind asks for by itself, such as ``its own login``;
            empty: nothing.
    """

    kind: GuardKind
    because: str
    paths: tuple[str, ...] = ()
    header: str = ""
    user: str = ""
    secret: str = ""
    networks: tuple[str, ...] = ()
    itself: str = ""


@dataclass(frozen=True, kw_only=True)
class Relay:
    """Hands requests on to the proxy of another host, over a private network, as requests for a name of that one.

    Only what the route's guards name is handed on: the last of them is ``closed``.

    Attributes:
        to: Template of the other proxy's address and port, such as ``{mesh:main}:443``.
        route: The route of the other proxy that they are for: it sees that one's host name, and has its certificate.
    """

    to: str
    route: str


@dataclass(frozen=True, kw_only=True)
class Route:
    """One public name.

    Attributes:
        name: Identity, and the first label of the host name unless the settings give another.
        service: The service behind it.
        port: Its port inside.
        upstream: Instead of a service: a URL on a member of the VPN, ``{peer:NAME}`` being its address, or of a program
            on another member of the mesh, such as ``http://{mesh:ROLE}:9010``. The mesh's rules then let the proxy's
            host come to that port.
        relay: Instead of a service: the proxy of another host.
        proxy: Which of several edge proxies answers it; empty: that on the host of its service.
        guards: Read in order; the one without paths comes last. No guards at all is refused.
        max_body: Largest request body in bytes; 0: any, and for as long as it takes.
        health: The path at which the service tells whether it works: ``/health`` of the route leads to it, for
            everybody who asks and whatever the guards say; empty: ``/health`` is a path like any other.
        probe: The path at which the service itself answers 200 while it works, to everybody whom the guard of all other
            paths lets in: what smoke tests ask for, and monitors; empty: none is known.
        here: Where the stack is for this machine alone: the port on the loopback address at which it answers without a
            host name, in plain HTTP; 0: none.
        guest: True: the service is another stack's, which joins the proxy's network, and may not be there.
        without_access: The guards where Cloudflare Access does not stand before the proxy; empty: the same.
        section: It is there only where the settings have this section, a group of the preset's options; empty: always.
    """

    name: str
    service: str
    port: int
    guards: tuple[Guard, ...]
    max_body: int = 10 * 1024 * 1024
    upstream: str = ""
    relay: Relay | None = None
    proxy: str = ""
    health: str = ""
    probe: str = ""
    here: int = 0
    guest: bool = False
    without_access: tuple[Guard, ...] = ()
    section: str = ""

    @property
    def members(self) -> tuple[str, ...]:
        """The members of the mesh, by role or name, on which the program behind it is."""
        return tuple(name.removeprefix("mesh:") for name in template.names(self.upstream) if name.startswith("mesh:"))
