"""Service tokens of Access: the secret is told once, at creation and at each rotation; kept is only its digest."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.cloudflare.access import refused
from rehearsal.clouds.cloudflare.accounts import digest
from rehearsal.clouds.cloudflare.durations import seconds
from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request, need, only, page, success
from rehearsal.clouds.cloudflare.store import moment, stamp

if TYPE_CHECKING:
    from rehearsal.clouds.cloudflare.access import Scopes
    from rehearsal.clouds.cloudflare.routing import Router
    from rehearsal.clouds.cloudflare.store import Store

_HIDDEN: Final = ("owner", "secret_digest", "previous_digest")
_YEAR: Final = "8760h"


class ServiceTokens:
    """The service tokens of all accounts and zones.

    Args:
        store: The state.
        scopes: Who may own them.
    """

    def __init__(self, store: Store, scopes: Scopes) -> None:
        self._store, self._scopes = store, scopes

    def mount(self, router: Router) -> None:
        """Enters the calls."""
        base = "/{scope}/{owner}/access/service_tokens"
        router.add("GET", base, self._list)
        router.add("POST", base, self._create)
        router.add("GET", base + "/{key}", self._get)
        router.add("PUT", base + "/{key}", self._update)
        router.add("DELETE", base + "/{key}", self._delete)
        router.add("POST", base + "/{key}/refresh", self._refresh)
        router.add("POST", base + "/{key}/rotate", self._rotate)

    def _list(self, request: Request, scope: str, owner: str) -> Record:
        mine = self._scopes.owner(scope, owner)
        rows = [_shown(row) for row in self._store.all("service_tokens").values() if row["owner"] == mine]
        return page(only(rows, request.query, "name"), request.query)

    def _one(self, rows: dict[str, Any], scope: str, owner: str, key: str) -> Record:
        row: Record | None = rows.get(key)
        if row is None or row["owner"] != self._scopes.owner(scope, owner):
            raise ApiError(404, 11021, "access.api.error.not_found")
        return row

    def _get(self, _request: Request, scope: str, owner: str, key: str) -> Record:
        return success(_shown(self._one(self._store.all("service_tokens"), scope, owner, key)))

    def _create(self, request: Request, scope: str, owner: str) -> Record:
        need(request.body, "name", code=12130)
        now, secret = self._store.now(), secrets.token_hex(32)
        record: Record = {"client_secret_version": 1, "duration": _YEAR, **_fields(request.body)}
        record |= {"id": str(uuid.uuid4()), "client_id": f"{secrets.token_hex(16)}.access", "created_at": stamp(now)}
        record |= {"owner": self._scopes.owner(scope, owner), "secret_digest": digest(secret), "previous_digest": ""}
        record |= {"updated_at": stamp(now), "expires_at": stamp(now + seconds(record["duration"]))}
        with self._store.change() as data:
            data["service_tokens"][record["id"]] = record
        return success({**_shown(record), "client_secret": secret})

    def _update(self, request: Request, scope: str, owner: str, key: str) -> Record:
        secret = ""
        with self._store.change() as data:
            record = self._one(data["service_tokens"], scope, owner, key)
            version, fields = record["client_secret_version"], _fields(request.body)
            record.update(fields)
            if fields.get("duration"):
                record["expires_at"] = stamp(moment(record["created_at"]) + seconds(fields["duration"]))
            if record["client_secret_version"] > version:
                secret = _renew(record)
            record["updated_at"] = stamp(self._store.now())
        return success({**_shown(record), **({"client_secret": secret} if secret else {})})

    def _rotate(self, request: Request, scope: str, owner: str, key: str) -> Record:
        with self._store.change() as data:
            record = self._one(data["service_tokens"], scope, owner, key)
            record["client_secret_version"] += 1
            secret = _renew(record)
            limit = request.body.get("previous_client_secret_expires_at")
            record["previous_client_secret_expires_at"] = limit or stamp(self._store.now())
        return success({**_shown(record), "client_secret": secret})

    def _refresh(self, _request: Request, scope: str, owner: str, key: str) -> Record:
        with self._store.change() as data:
            record = self._one(data["service_tokens"], scope, owner, key)
            record["expires_at"] = stamp(self._store.now() + seconds(record["duration"]))
        return success(_shown(record))

    def _delete(self, _request: Request, scope: str, owner: str, key: str) -> Record:
        with self._store.change() as data:
            gone = self._one(data["service_tokens"], scope, owner, key)
            del data["service_tokens"][key]
        return success(_shown(gone))


def _shown(record: Record) -> Record:
    return {key: value for key, value in record.items() if key not in _HIDDEN}


def _fields(body: Record) -> Record:
    names = ("name", "duration", "client_secret_version", "previous_client_secret_expires_at")
    fields = {name: body[name] for name in names if body.get(name) is not None}
    try:
        seconds(fields.get("duration", _YEAR))
        moment(fields.get("previous_client_secret_expires_at", "2026-01-01T00:00:00Z"))
    except ValueError as wrong:
        raise refused(str(wrong)) from None
    return fields


def _renew(record: Record) -> str:
    secret = secrets.token_hex(32)
    record["previous_digest"], record["secret_digest"] = record["secret_digest"], digest(secret)
    return secret


def holder(store: Store, client: str, secret: str) -> Record | None:
    """The service token that these two header values belong to, None when they are wrong or out of date."""
    now, presented = store.now(), digest(secret)
    for record in store.all("service_tokens").values():
        if record["client_id"] != client or moment(record["expires_at"]) <= now:
            continue
        if secrets.compare_digest(presented, record["secret_digest"]):
            return dict(record)
        limit = record.get("previous_client_secret_expires_at")
        previous = record["previous_digest"] and secrets.compare_digest(presented, record["previous_digest"])
        if previous and limit and now < moment(limit):
            return dict(record)
    return None
