"""Tunnels that cloudflared serves: themselves, their configuration, their token and their connections."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from typing import TYPE_CHECKING, Any, Final, Protocol

from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request, need, page, success
from rehearsal.clouds.cloudflare.store import stamp

if TYPE_CHECKING:
    from rehearsal.clouds.cloudflare.accounts import Accounts
    from rehearsal.clouds.cloudflare.routing import Router
    from rehearsal.clouds.cloudflare.store import Store

_HIDDEN: Final = ("secret",)
_FEWEST: Final = 4
_SECRET_BYTES: Final = 32


class Connections(Protocol):
    """Who is connected at the moment; the edge knows."""

    def of(self, tunnel: str) -> list[Record]:
        """The connections of one tunnel as the API shows them."""

    def drop(self, tunnel: str) -> None:
        """Ends the connections of one tunnel."""

    def configured(self, tunnel: str) -> None:
        """Sends a tunnel's connectors the configuration that was just put."""


class Tunnels:
    """The tunnels of all accounts.

    Args:
        store: The state.
        accounts: To whom they belong.
        connections: Who is connected.
    """

    def __init__(self, store: Store, accounts: Accounts, connections: Connections) -> None:
        self._store, self._accounts, self._connections = store, accounts, connections

    def mount(self, router: Router) -> None:
        """Enters the calls."""
        base = "/accounts/{account}/cfd_tunnel"
        router.add("GET", base, self._list)
        router.add("POST", base, self._create)
        router.add("GET", base + "/{tunnel}", lambda _r, account, tunnel: success(self._one(account, tunnel)))
        router.add("PATCH", base + "/{tunnel}", self._patch)
        router.add("DELETE", base + "/{tunnel}", self._delete)
        router.add("GET", base + "/{tunnel}/token", self._token)
        router.add("GET", base + "/{tunnel}/connections", self._connected)
        router.add("DELETE", base + "/{tunnel}/connections", self._disconnect)
        router.add("GET", base + "/{tunnel}/configurations", self._configuration)
        router.add("PUT", base + "/{tunnel}/configurations", self._configure)

    def _record(self, account: str, tunnel: str) -> Record:
        self._accounts.account(account)
        record: Record | None = self._store.get("tunnels", tunnel)
        if record is None or record["account_tag"] != account:
            raise ApiError(404, 1003, "Tunnel not found")
        return record

    def _alive(self, account: str, tunnel: str) -> Record:
        record = self._record(account, tunnel)
        if record["deleted_at"] is not None:
            raise ApiError(404, 1003, "Tunnel not found")
        return record

    def _shown(self, record: Record) -> Record:
        rows = self._connections.of(record["id"])
        shown = {key: value for key, value in record.items() if key not in _HIDDEN}
        if rows:
            state = "healthy" if len(rows) >= _FEWEST else "degraded"
            return {**shown, "connections": rows, "status": state, "conns_active_at": rows[0]["opened_at"]}
        return {**shown, "connections": [], "status": "down" if record["conns_inactive_at"] else "inactive"}

    def _one(self, account: str, tunnel: str) -> Record:
        # A deleted tunnel is still shown, with its time of deletion: callers that look for a 404 wait in vain.
        return self._shown(self._record(account, tunnel))

    def _list(self, request: Request, account: str) -> Record:
        self._accounts.account(account)
        query, rows = request.query, [r for r in self._store.all("tunnels").values() if r["account_tag"] == account]
        if "is_deleted" in query:
            rows = [row for row in rows if (row["deleted_at"] is not None) == (query["is_deleted"] == "true")]
        for name, field in (("name", "name"), ("uuid", "id")):
            rows = [row for row in rows if query.get(name, row[field]) == row[field]]
        return page([self._shown(row) for row in rows], query)

    def _create(self, request: Request, account: str) -> Record:
        self._accounts.account(account)
        need(request.body, "name")
        source = request.body.get("config_src", "local")
        secret = request.body.get("tunnel_secret") or base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
        _check_secret(secret)
        record: Record = {"id": str(uuid.uuid4()), "name": request.body["name"], "config_src": source, "secret": secret}
        record |= {"account_tag": account, "created_at": stamp(self._store.now()), "deleted_at": None, "metadata": {}}
        record |= {"conns_active_at": None, "conns_inactive_at": None, "tun_type": "cfd_tunnel"}
        record["remote_config"] = source == "cloudflare"
        with self._store.change() as data:
            self._refuse_name(data["tunnels"], account, record["name"])
            data["tunnels"][record["id"]] = record
        return success(self._shown(record))

    @staticmethod
    def _refuse_name(rows: dict[str, Any], account: str, name: str, but: str = "") -> None:
        for row in rows.values():
            if (row["account_tag"], row["name"], row["deleted_at"]) == (account, name, None) and row["id"] != but:
                raise ApiError(
                    409,
                    1013,
                    "You already have a tunnel with this name. Delete the existing tunnel, or choose a different name "
                    "for your new tunnel",
                )

    def _patch(self, request: Request, account: str, tunnel: str) -> Record:
        self._alive(account, tunnel)
        with self._store.change() as data:
            record = data["tunnels"][tunnel]
            if "name" in request.body:
                self._refuse_name(data["tunnels"], account, request.body["name"], but=tunnel)
                record["name"] = request.body["name"]
            if request.body.get("tunnel_secret"):
                _check_secret(request.body["tunnel_secret"])
                record["secret"] = request.body["tunnel_secret"]
        return success(self._one(account, tunnel))

    def _delete(self, request: Request, account: str, tunnel: str) -> Record:
        self._alive(account, tunnel)
        if self._connections.of(tunnel):
            if request.query.get("cascade") != "true":
                raise ApiError(400, 1022, "Cannot delete tunnel because it has active connections")
            self._connections.drop(tunnel)
        with self._store.change() as data:
            data["tunnels"][tunnel]["deleted_at"] = stamp(self._store.now())
            data["configurations"].pop(tunnel, None)
        return success(self._one(account, tunnel))

    def _token(self, _request: Request, account: str, tunnel: str) -> Record:
        return success(token(self._alive(account, tunnel)))

    def _connected(self, _request: Request, account: str, tunnel: str) -> Record:
        self._alive(account, tunnel)
        clients: dict[str, Record] = {}
        for row in self._connections.of(tunnel):
            client = {"id": row["client_id"], "version": row["client_version"], "arch": "stub", "conns": []}
            clients.setdefault(row["client_id"], {**client, "run_at": row["opened_at"]})["conns"].append(row)
        return success(list(clients.values()))

    def _disconnect(self, _request: Request, account: str, tunnel: str) -> Record:
        self._alive(account, tunnel)
        self._connections.drop(tunnel)
        return success({})

    def _configuration(self, _request: Request, account: str, tunnel: str) -> Record:
        record = self._alive(account, tunnel)
        empty = {
            "tunnel_id": tunnel,
            "account_id": account,
            "version": 0,
            "config": None,
            "source": record["config_src"],
        }
        return success(self._store.get("configurations", tunnel) or {**empty, "created_at": record["created_at"]})

    def _configure(self, request: Request, account: str, tunnel: str) -> Record:
        record = self._alive(account, tunnel)
        config = request.body.get("config") or {}
        _check_ingress(config.get("ingress", []))
        with self._store.change() as data:
            version = data["configurations"].get(tunnel, {}).get("version", 0) + 1
            row = {"tunnel_id": tunnel, "account_id": account, "version": version, "config": config}
            row |= {"source": record["config_src"], "created_at": stamp(self._store.now())}
            data["configurations"][tunnel] = row
            data["tunnels"][tunnel] |= {"config_src": "cloudflare", "remote_config": True}
        self._connections.configured(tunnel)
        return success(row)


def token(record: Record) -> str:
    """The token of a tunnel: Base64 of JSON with account, tunnel and secret, as cloudflared reads it."""
    parts = {"a": record["account_tag"], "t": record["id"], "s": record["secret"]}
    return base64.b64encode(json.dumps(parts, separators=(",", ":")).encode()).decode()


def _check_secret(secret: str) -> None:
    try:
        enough = len(base64.b64decode(secret, validate=True)) >= _SECRET_BYTES
    except ValueError:
        enough = False
    if not enough:
        raise ApiError(400, 1004, "tunnel_secret must be at least 32 bytes and encoded as a base64 string")


def _check_ingress(rules: list[Record]) -> None:
    for number, rule in enumerate(rules, 1):
        if not rule.get("service"):
            raise ApiError(400, 1056, f"Bad Configuration: Rule #{number} has no service")
        last = number == len(rules)
        everything = rule.get("hostname") in (None, "", "*") and not rule.get("path")
        if last and not everything:
            reason = "The last ingress rule must match all URLs (i.e. it should not have a hostname or path filter)"
            raise ApiError(400, 1056, f"Bad Configuration: {reason}")
        if everything and not last:
            raise ApiError(
                400, 1056, f"Bad Configuration: Rule #{number} is matching all URLs, but isn't the last rule"
            )
