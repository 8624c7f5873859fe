"""Access: applications, reusable policies, groups and identity providers.

Source: the reference below `/accounts/{account_id}/access`. The numbers of Access errors are not published; those here
are what callers reported (12130 for a body that is refused, 11021 for what is not there).
"""

from __future__ import annotations

import copy
import secrets
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.cloudflare.durations import seconds
from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request, need, only, page, success
from rehearsal.clouds.cloudflare.store import stamp

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.clouds.cloudflare.accounts import Accounts
    from rehearsal.clouds.cloudflare.routing import Router
    from rehearsal.clouds.cloudflare.store import Data, Store
    from rehearsal.clouds.cloudflare.zones import Zones

DECISIONS: Final = ("allow", "deny", "non_identity", "bypass")
_APP_TYPES: Final = ("self_hosted", "saas", "ssh", "vnc", "app_launcher", "warp", "biso", "bookmark", "dash_sso")
_INVALID, _MISSING = 12130, 11021
_PIN: Final = "onetimepin"


def refused(reason: str) -> ApiError:
    """The answer to a body that Access does not take."""
    return ApiError(400, _INVALID, f"access.api.error.invalid_request: {reason}")


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of Access object.

    Attributes:
        path: Its part of the path, also the name of its collection.
        required: Fields that a body must have.
        defaults: Fields that a new object has when the body lacks them.
        check: Refuses what the kind does not take; may fill in the record.
        forget: Takes a deleted id out of what refers to it.
        show: What the API answers for a record, given all policies by id.
    """

    path: str
    collection: str
    required: tuple[str, ...]
    defaults: Record = field(default_factory=dict)
    check: Callable[[Data, Record], None] = lambda _data, _record: None
    forget: Callable[[Data, str], None] = lambda _data, _gone: None
    show: Callable[[Record, Record], Record] = lambda _policies, record: record


class Scopes:
    """Accounts and zones as owners of Access objects."""

    def __init__(self, accounts: Accounts, zones: Zones) -> None:
        self._accounts, self._zones = accounts, zones

    def owner(self, scope: str, owner: str) -> str:
        """The key of the owner; fails with `ApiError` when there is none."""
        if scope == "accounts":
            self._accounts.with_access(owner)
        elif scope == "zones":
            self._accounts.with_access(str(self._zones.zone(owner)["account"]))
        else:
            raise ApiError(
                404, 7003, f"Could not route to /{scope}/{owner}/access, perhaps your object identifier is invalid?"
            )
        return f"{scope}/{owner}"


class Objects:
    """All objects of one kind.

    Args:
        store: The state.
        scopes: Who may own them.
        kind: What they are.
    """

    def __init__(self, store: Store, scopes: Scopes, kind: Kind) -> None:
        self._store, self._scopes, self._kind = store, scopes, kind

    def mount(self, router: Router) -> None:
        """Enters the calls."""
        base = f"/{{scope}}/{{owner}}/access/{self._kind.path}"
        router.add("GET", base, self._list)
        router.add("POST", base, self._create)
        router.add("GET", base + "/{key}", self._get)
        router.add("PUT", base + "/{key}", self._replace)
        router.add("DELETE", base + "/{key}", self._delete)

    def _shown(self, record: Record) -> Record:
        public = {key: value for key, value in record.items() if key != "owner"}
        return self._kind.show(self._store.all("policies"), public)

    def _list(self, request: Request, scope: str, owner: str) -> Record:
        mine = self._scopes.owner(scope, owner)
        rows = [self._shown(row) for row in self._store.all(self._kind.collection).values() if row["owner"] == mine]
        return page(only(rows, request.query, "name", "domain"), request.query)

    def _old(self, rows: dict[str, Any], scope: str, owner: str, key: str) -> Record:
        record: Record | None = rows.get(key)
        if record is None or record["owner"] != self._scopes.owner(scope, owner):
            raise ApiError(404, _MISSING, "access.api.error.not_found")
        return record

    def _get(self, _request: Request, scope: str, owner: str, key: str) -> Record:
        return success(self._shown(self._old(self._store.all(self._kind.collection), scope, owner, key)))

    def _keep(self, record: Record) -> Record:
        need(record, *self._kind.required, code=_INVALID)
        with self._store.change() as data:
            self._kind.check(data, record)
            data[self._kind.collection][record["id"]] = record
        return success(self._shown(record))

    def _create(self, request: Request, scope: str, owner: str) -> Record:
        record = {**copy.deepcopy(self._kind.defaults), **request.body, "owner": self._scopes.owner(scope, owner)}
        now = stamp(self._store.now())
        return self._keep({**record, "id": str(uuid.uuid4()), "created_at": now, "updated_at": now})

    def _replace(self, request: Request, scope: str, owner: str, key: str) -> Record:
        old = self._old(self._store.all(self._kind.collection), scope, owner, key)
        lasting: Record = {name: old[name] for name in ("id", "owner", "created_at", "aud", "uid") if name in old}
        record: Record = {**copy.deepcopy(self._kind.defaults), **request.body, **lasting}
        return self._keep({**record, "updated_at": stamp(self._store.now())})

    def _delete(self, _request: Request, scope: str, owner: str, key: str) -> Record:
        with self._store.change() as data:
            gone = self._old(data[self._kind.collection], scope, owner, key)
            del data[self._kind.collection][key]
            self._kind.forget(data, key)
        return success(self._shown(gone))


def _check_duration(record: Record) -> None:
    try:
        seconds(record.get("session_duration") or "24h")
    except ValueError as wrong:
        raise refused(str(wrong)) from None


def _check_policy(_data: Data, record: Record) -> None:
    if record["decision"] not in DECISIONS:
        raise refused(f"unrecognized policy decision {record['decision']!r}")
    if not record.get("include"):
        raise refused("a policy needs at least one include rule")
    _check_duration(record)


def _forget_policy(data: Data, gone: str) -> None:
    for app in data["apps"].values():
        app["policies"] = [row for row in app.get("policies", []) if reference(row) != gone]


def reference(policy: Any) -> str | None:
    """The id of the reusable policy that an application's entry stands for, None for a policy written out in place."""
    return policy if isinstance(policy, str) else policy.get("id")


def _expand(policies: Record, app: Record) -> Record:
    """An application as the API tells it: a reusable policy is shown whole, not by its id alone."""
    rows = []
    for entry in app.get("policies") or []:
        whole = policies.get(str(reference(entry)), {})
        public = {name: value for name, value in whole.items() if name not in ("owner", "app_count")}
        rows.append({**public, **(entry if isinstance(entry, dict) else {})})
    return {**app, "policies": rows} if "policies" in app else app


def domains(app: Record) -> list[str]:
    """Every hostname, with or without a path, that an application protects."""
    named = [app["domain"]] if app.get("domain") else []
    listed = [row.get("uri", "") for row in app.get("destinations") or [] if row.get("type", "public") == "public"]
    return list(dict.fromkeys(text.rstrip("/") for text in [*named, *listed, *(app.get("self_hosted_domains") or [])]))


def _check_app(data: Data, record: Record) -> None:
    if record["type"] not in _APP_TYPES:
        raise refused(f"unknown application type {record['type']!r}")
    if record["type"] == "self_hosted" and not domains(record):
        raise refused("domain is required")
    _check_duration(record)
    for row in record.get("policies") or []:
        key = reference(row)
        if key is not None and key not in data["policies"]:
            raise refused(f"policy {key} does not exist")
        if key is None:
            _check_policy(data, row)
    for key in record.get("allowed_idps") or []:
        if key not in data["identity_providers"]:
            raise refused(f"identity provider {key} does not exist")
    _refuse_twice(data, record)
    record.setdefault("aud", secrets.token_hex(32))
    record.setdefault("uid", record["id"])


def _refuse_twice(data: Data, record: Record) -> None:
    for other in data["apps"].values():
        both = set(domains(other)) & set(domains(record))
        if both and other["id"] != record["id"] and other["owner"] == record["owner"]:
            raise ApiError(409, 11010, f"access.api.error.application_already_exists: {min(both)}")


def _check_provider(data: Data, record: Record) -> None:
    """An account has one way to log in by PIN.

    Number as callers met it; see also cloudflare/terraform-provider-cloudflare#2191.
    """
    for other in data["identity_providers"].values():
        twin = (other["type"], other["owner"]) == (record["type"], record["owner"]) and other["id"] != record["id"]
        if twin and record["type"] == _PIN:
            raise ApiError(409, 12132, "access.api.error.conflict: a onetimepin connection already exists")


def kinds() -> tuple[Kind, ...]:
    """The kinds of objects that follow the common pattern."""
    policy: Record = {"session_duration": "24h", "app_count": 0, "reusable": True, "exclude": [], "require": []}
    return (
        Kind("apps", "apps", ("type",), {}, _check_app, show=_expand),
        Kind("policies", "policies", ("name", "decision"), policy, _check_policy, _forget_policy),
        Kind("groups", "groups", ("name", "include"), {"exclude": [], "require": []}),
        Kind(
            "identity_providers",
            "identity_providers",
            ("name", "type"),
            {"config": {}, "scim_config": {"enabled": False}},
            _check_provider,
        ),
    )
