"""Zones, their settings, and what else of a zone the diagnosis tools read (page rules, rulesets, cache)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.cloudflare.envelope import ApiError, Record, Request, need, only, page, success
from rehearsal.clouds.cloudflare.store import stamp

if TYPE_CHECKING:
    from rehearsal.clouds.cloudflare.accounts import Accounts
    from rehearsal.clouds.cloudflare.routing import Router
    from rehearsal.clouds.cloudflare.store import Store

_SWITCH: Final = ("on", "off")
# Setting to its default and the values it takes; None takes anything. Source: the reference of zone settings.
SETTINGS: Final[dict[str, tuple[Any, tuple[Any, ...] | None]]] = {
    "0rtt": ("off", _SWITCH),
    "always_online": ("off", _SWITCH),
    "always_use_https": ("off", _SWITCH),
    "automatic_https_rewrites": ("on", _SWITCH),
    "brotli": ("on", _SWITCH),
    "browser_cache_ttl": (14400, None),
    "browser_check": ("on", _SWITCH),
    "cache_level": ("aggressive", ("aggressive", "basic", "simplified")),
    "challenge_ttl": (1800, None),
    "ciphers": ([], None),
    "development_mode": ("off", _SWITCH),
    "email_obfuscation": ("on", _SWITCH),
    "hotlink_protection": ("off", _SWITCH),
    "http2": ("on", _SWITCH),
    "http3": ("on", _SWITCH),
    "ip_geolocation": ("on", _SWITCH),
    "ipv6": ("on", _SWITCH),
    "min_tls_version": ("1.0", ("1.0", "1.1", "1.2", "1.3")),
    "opportunistic_encryption": ("on", _SWITCH),
    "opportunistic_onion": ("on", _SWITCH),
    "pseudo_ipv4": ("off", ("off", "add_header", "overwrite_header")),
    "rocket_loader": ("off", _SWITCH),
    "security_header": ({"strict_transport_security": {"enabled": False}}, None),
    "security_level": ("medium", ("off", "essentially_off", "low", "medium", "high", "under_attack")),
    "server_side_exclude": ("on", _SWITCH),
    "ssl": ("full", ("off", "flexible", "full", "strict", "origin_pull")),
    "tls_1_3": ("on", ("on", "off", "zrt")),
    "tls_client_auth": ("off", _SWITCH),
    "websockets": ("on", _SWITCH),
}


class Zones:
    """Zones and their settings.

    Args:
        store: The state.
        accounts: To whom they belong.
    """

    def __init__(self, store: Store, accounts: Accounts) -> None:
        self._store, self._accounts = store, accounts

    def mount(self, router: Router) -> None:
        """Enters the calls."""
        router.add("GET", "/zones", self._list)
        router.add("POST", "/zones", self._create)
        router.add("GET", "/zones/{zone}", lambda _r, zone: success(self._shown(self.zone(zone))))
        router.add("GET", "/zones/{zone}/settings", self._settings)
        router.add("PATCH", "/zones/{zone}/settings", self._patch_many)
        router.add("GET", "/zones/{zone}/settings/{setting}", self._setting)
        router.add("PATCH", "/zones/{zone}/settings/{setting}", self._patch_one)
        router.add("GET", "/zones/{zone}/pagerules", self._page_rules)
        router.add("POST", "/zones/{zone}/pagerules", self._add_page_rule)
        router.add("DELETE", "/zones/{zone}/pagerules/{rule}", self._drop_page_rule)
        router.add("GET", "/zones/{zone}/rulesets", self._rulesets)
        router.add("GET", "/zones/{zone}/rulesets/{ruleset}", self._ruleset)
        router.add("PUT", "/zones/{zone}/rulesets/phases/{phase}/entrypoint", self._put_entry_point)
        router.add("POST", "/zones/{zone}/purge_cache", lambda _r, zone: success({"id": self.zone(zone)["id"]}))

    def zone(self, zone: str) -> Record:
        """One zone.

        Raises:
            ApiError: There is none of that id.
        """
        record: Record | None = self._store.get("zones", zone)
        if record is None:
            raise ApiError(404, 7003, f"Could not route to /zones/{zone}, perhaps your object identifier is invalid?")
        return record

    def _shown(self, zone: Record) -> Record:
        account = self._accounts.account(zone["account"])
        return {
            "status": "active",
            **zone,
            "account": {"id": account["id"], "name": account["name"]},
            "paused": False,
            "type": "full",
            "development_mode": 0,
            "name_servers": ["ns1.example.net", "ns2.example.net"],
            "plan": {"id": "free", "name": "Free Website"},
        }

    def _list(self, request: Request) -> Record:
        rows = only(list(self._store.all("zones").values()), request.query, "name")
        wanted = request.query.get("account.id")
        return page([self._shown(row) for row in rows if wanted in (None, row["account"])], request.query)

    def _create(self, request: Request) -> Record:
        need(request.body, "name", "account")
        account = self._accounts.account(str(request.body["account"].get("id", "")))
        with self._store.change() as data:
            if any(row["name"] == request.body["name"] for row in data["zones"].values()):
                raise ApiError(400, 1061, f"{request.body['name']} already exists")
            zone = {"id": uuid.uuid4().hex, "name": request.body["name"], "account": account["id"]}
            zone["created_on"] = stamp(self._store.now())
            data["zones"][zone["id"]] = zone
        return success(self._shown(zone))

    def _row(self, zone: str, setting: str) -> Record:
        if setting not in SETTINGS:
            raise ApiError(400, 1003, f"Undefined zone setting: {setting}")
        kept = self._store.get("settings", f"{zone}/{setting}") or {}
        row = {"id": setting, "value": SETTINGS[setting][0], "editable": True, "modified_on": None, **kept}
        if setting == "development_mode":
            row["time_remaining"] = 0
        return row

    def _settings(self, _request: Request, zone: str) -> Record:
        self.zone(zone)
        return success([self._row(zone, setting) for setting in SETTINGS])

    def _setting(self, _request: Request, zone: str, setting: str) -> Record:
        self.zone(zone)
        return success(self._row(zone, setting))

    def _keep(self, zone: str, setting: str, body: Record) -> None:
        self._row(zone, setting)
        need({"value": body.get("value", body.get("enabled"))}, "value", code=1008)
        value, allowed = body.get("value", body.get("enabled")), SETTINGS[setting][1]
        if allowed is not None and value not in allowed:
            raise ApiError(400, 1007, f"Invalid value for zone setting {setting}")
        with self._store.change() as data:
            data["settings"][f"{zone}/{setting}"] = {"value": value, "modified_on": stamp(self._store.now())}

    def _patch_one(self, request: Request, zone: str, setting: str) -> Record:
        self.zone(zone)
        self._keep(zone, setting, request.body)
        return success(self._row(zone, setting))

    def _patch_many(self, request: Request, zone: str) -> Record:
        self.zone(zone)
        need(request.body, "items")
        for item in request.body["items"]:
            self._keep(zone, str(item.get("id")), item)
        return success([self._row(zone, str(item["id"])) for item in request.body["items"]])

    def _page_rules(self, request: Request, zone: str) -> Record:
        self.zone(zone)
        rows = [row for row in self._store.all("pagerules").values() if row["zone"] == zone]
        shown = [{key: value for key, value in row.items() if key != "zone"} for row in rows]
        return success(only(shown, request.query, "status"))

    def _add_page_rule(self, request: Request, zone: str) -> Record:
        self.zone(zone)
        need(request.body, "targets", "actions")
        created = stamp(self._store.now())
        rule = {"priority": 1, "status": "disabled", **request.body, "id": uuid.uuid4().hex, "created_on": created}
        with self._store.change() as data:
            data["pagerules"][rule["id"]] = {**rule, "modified_on": created, "zone": zone}
        return success({**rule, "modified_on": created})

    def _drop_page_rule(self, _request: Request, zone: str, rule: str) -> Record:
        with self._store.change() as data:
            if data["pagerules"].get(rule, {}).get("zone") != zone:
                raise ApiError(404, 1002, "Invalid Page Rule identifier")
            del data["pagerules"][rule]
        return success({"id": rule})

    def _rulesets(self, _request: Request, zone: str) -> Record:
        self.zone(zone)
        rows = [row for row in self._store.all("rulesets").values() if row["zone"] == zone]
        # The list tells of each set what it is, and not its rules.
        return success([{key: value for key, value in row.items() if key not in ("zone", "rules")} for row in rows])

    def _ruleset(self, _request: Request, zone: str, ruleset: str) -> Record:
        self.zone(zone)
        row = self._store.get("rulesets", ruleset)
        if row is None or row["zone"] != zone:
            raise ApiError(404, 10007, f"could not find ruleset {ruleset}")
        return success({key: value for key, value in row.items() if key != "zone"})

    def _put_entry_point(self, request: Request, zone: str, phase: str) -> Record:
        """The rules of a phase: all of them, in place of those before."""
        self.zone(zone)
        rows = self._store.all("rulesets").values()
        there = next((row for row in rows if (row["zone"], row["phase"], row["kind"]) == (zone, phase, "zone")), None)
        key = there["id"] if there else uuid.uuid4().hex
        rules = [{"enabled": True, **rule, "id": uuid.uuid4().hex} for rule in request.body.get("rules") or []]
        row = {"id": key, "name": "default", "kind": "zone", "phase": phase, "zone": zone, "rules": rules}
        row |= {"version": str(int(there["version"]) + 1 if there else 1), "last_updated": stamp(self._store.now())}
        with self._store.change() as data:
            data["rulesets"][key] = row
        return self._ruleset(request, zone, key)
