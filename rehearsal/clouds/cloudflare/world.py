"""The parts put together: one emulated Cloudflare."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rehearsal.clouds.cloudflare.access import Objects, Scopes, kinds
from rehearsal.clouds.cloudflare.accounts import Accounts, seed
from rehearsal.clouds.cloudflare.api import ApiHandler
from rehearsal.clouds.cloudflare.control import Control
from rehearsal.clouds.cloudflare.decide import Gate
from rehearsal.clouds.cloudflare.dns import DnsRecords
from rehearsal.clouds.cloudflare.edge import Edge, EdgeHandler
from rehearsal.clouds.cloudflare.faults import Faults
from rehearsal.clouds.cloudflare.hub import Hub
from rehearsal.clouds.cloudflare.listener import Listener
from rehearsal.clouds.cloudflare.routing import Router
from rehearsal.clouds.cloudflare.service_tokens import ServiceTokens
from rehearsal.clouds.cloudflare.signing import Keys
from rehearsal.clouds.cloudflare.store import Store
from rehearsal.clouds.cloudflare.tunnels import Tunnels
from rehearsal.clouds.cloudflare.zones import Zones

if TYPE_CHECKING:
    from pathlib import Path

    from rehearsal.clouds.cloudflare.envelope import Record


class Mounted(Protocol):
    """A part that answers calls."""

    def mount(self, router: Router) -> None:
        """Enters its calls."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where it listens; port 0 takes a free one.

    Attributes:
        api: `host:port` of the API, loopback only.
        edge: `host:port` of the edge, where visitors come; several with commas between, the first of them is told.
        tunnel: `host:port` where connectors come; several likewise.
    """

    api: str = "127.0.0.1:0"
    edge: str = "127.0.0.1:0"
    tunnel: str = "127.0.0.1:0"


class World:
    """API and edge, running until `close`.

    Args:
        folder: Where the state lives, and the socket file `tunnel.sock` for connectors in containers.
        addresses: Where to listen.
        accounts: What exists before the first call, see `accounts.seed`.
        tokens: API tokens and their permissions, see `accounts.seed`.
    """

    def __init__(self, folder: Path, addresses: Addresses, accounts: dict[str, Record], tokens: dict[str, str]) -> None:
        self.store = Store(folder)
        seed(self.store, accounts, tokens)
        owners = Accounts(self.store)
        zones = Zones(self.store, owners)
        scopes = Scopes(owners, zones)
        self.keys = Keys(self.store, owners)
        self.hub = Hub(self.store, self.keys)
        self.faults, router = Faults(), Router()
        groups = [Objects(self.store, scopes, kind) for kind in kinds()]
        tunnels = Tunnels(self.store, owners, self.hub)
        gate = Gate(self.store, self.keys)
        named = (
            owners,
            zones,
            DnsRecords(self.store, zones),
            tunnels,
            ServiceTokens(self.store, scopes),
            self.keys,
            gate,
        )
        parts_with_calls: list[Mounted] = [*named, *groups]
        for part in parts_with_calls:
            part.mount(router)
        edge = Edge(self.store, self.hub, gate)
        control = Control(self.store, self.faults, self.keys, {"certs": edge.certs_fetched})
        self.keys.changed = self.hub.keys_changed
        parts = {"accounts": owners, "router": router, "faults": self.faults, "control": control}
        self._api = Listener(addresses.api, type("Api", (ApiHandler,), parts))
        door = type("EdgeDoor", (EdgeHandler,), {"edge": edge})
        self._edges = [Listener(address, door, world=True) for address in addresses.edge.split(",")]
        self.tunnel, *_ = [self.hub.listen(address) for address in addresses.tunnel.split(",")]
        self.hub.listen_file(folder / "tunnel.sock")
        for server in (self._api, *self._edges):
            threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def api_url(self) -> str:
        """What `baseUrl` of the provider must be."""
        return f"{self._api.url}/client/v4"

    @property
    def control_url(self) -> str:
        """Where the control calls are."""
        return f"{self._api.url}/__control"

    @property
    def edge_url(self) -> str:
        """Where a visitor goes, with the hostname in the Host header."""
        return self._edges[0].url

    def close(self) -> None:
        """Stops listening."""
        for server in (self._api, *self._edges):
            server.shutdown()
            server.server_close()
        self.hub.close()
