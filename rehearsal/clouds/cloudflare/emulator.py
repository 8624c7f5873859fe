"""The parts put together: one emulated Cloudflare."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rehearsal.clouds.cloudflare.access import Objects, Scopes, kinds
from rehearsal.clouds.cloudflare.accounts import Accounts, seed
from rehearsal.clouds.cloudflare.api import Service
from rehearsal.clouds.cloudflare.certificates import Certificates
from rehearsal.clouds.cloudflare.controls import Controls
from rehearsal.clouds.cloudflare.decide import Gate
from rehearsal.clouds.cloudflare.dns import DnsRecords
from rehearsal.clouds.cloudflare.edge import Edge, EdgeHandler
from rehearsal.clouds.cloudflare.hub import Hub
from rehearsal.clouds.cloudflare.routing import Router
from rehearsal.clouds.cloudflare.service_tokens import ServiceTokens
from rehearsal.clouds.cloudflare.signing import Keys
from rehearsal.clouds.cloudflare.store import Store
from rehearsal.clouds.cloudflare.tunnels import Tunnels
from rehearsal.clouds.cloudflare.zones import Zones
from rehearsal.clouds.kit.api import ApiServer
from rehearsal.clouds.kit.listener import Listener

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.clouds.cloudflare.envelope import Record


Tokens = Mapping[str, str | Mapping[str, str]]


class Mounted(Protocol):
    """A part that answers calls."""

    def mount(self, router: Router) -> None:
        """Enters its calls."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where it listens; port 0 takes a free one.

    Attributes:
        api: `host:port` of the API, loopback only.
        edge: `host:port` of the edge, where visitors come; several with commas between, the first of them is reported.
        edge_tls: `host:port` of the edge over TLS, loopback only.
        tunnel: `host:port` where connectors come; several likewise.
    """

    api: str = "127.0.0.1:0"
    edge: str = "127.0.0.1:0"
    edge_tls: str = "127.0.0.1:0"
    tunnel: str = "127.0.0.1:0"


class Cloudflare:
    """API and edge, running until `close`.

    Args:
        folder: Where the state lives, and the socket file `tunnel.sock` for connectors in containers.
        addresses: Where to listen.
        accounts: What exists before the first call, see `accounts.seed`.
        tokens: API tokens and their permissions, see `accounts.seed`.

    Attributes:
        control_token: What a caller shows for whom an assertion with any claims is signed; another one at every start.
        edge_ca: File of the certificate that visitors over TLS must trust; another one at every start.
    """

    def __init__(self, folder: Path, addresses: Addresses, accounts: dict[str, Record], tokens: Tokens) -> None:
        self.folder = folder
        self.store = Store(folder)
        seed(self.store, accounts, tokens)
        owners = Accounts(self.store)
        zones = Zones(self.store, owners)
        scopes = Scopes(owners, zones)
        self.keys = Keys(self.store, owners)
        self.hub = Hub(self.store, self.keys)
        self.keys.changed = self.hub.keys_changed
        gate = Gate(self.store, self.keys)
        self.router = Router()
        parts: list[Mounted] = [
            owners,
            zones,
            DnsRecords(self.store, zones),
            Tunnels(self.store, owners, self.hub),
            ServiceTokens(self.store, scopes),
            self.keys,
            gate,
            *(Objects(self.store, scopes, kind) for kind in kinds()),
        ]
        for part in parts:
            part.mount(self.router)
        edge = Edge(self.store, self.hub, gate)
        self.control_token = secrets.token_urlsafe(32)
        controls = Controls(self.store, self.keys, {"certs": edge.certs_fetched})
        self.service = Service(owners, self.router, controls, self.control_token)
        self._api = ApiServer(self.service, addresses.api)
        handler = type("BoundEdgeHandler", (EdgeHandler,), {"edge": edge})
        self.edges = [Listener(address, handler, machines=True) for address in addresses.edge.split(",")]
        self.edge_ca = folder / "edge-ca.pem"
        self._secured = Listener(addresses.edge_tls, handler, tls=Certificates(self.store, self.edge_ca).context)
        self.tunnel, *_ = [self.hub.listen(address) for address in addresses.tunnel.split(",")]
        self.hub.listen_file(folder / "tunnel.sock")
        for server in (self._api, *self.edges, self._secured):
            server.start()

    @property
    def api_url(self) -> str:
        """What `baseUrl` of the provider must be."""
        return self._api.url

    @property
    def control_url(self) -> str:
        """Where the control calls are."""
        return self._api.control_url

    @property
    def edge_url(self) -> str:
        """Where a visitor goes, with the hostname in the Host header."""
        return self.edges[0].url

    @property
    def edge_tls_url(self) -> str:
        """Where a visitor goes who speaks TLS, with the hostname in SNI and in the Host header."""
        return self._secured.url

    def close(self) -> None:
        """Stops listening."""
        for server in (self._api, *self.edges, self._secured):
            server.stop()
        self.hub.close()
