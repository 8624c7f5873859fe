"""Cloudflare before a tunnel or a name is made: token, zone, Zero Trust, what is there under our names already.

Which permissions a token has is told to nobody but who may read tokens. So each is tried by a call that needs it and
changes nothing: it deletes what nobody has. The gateway refuses whoever lacks the permission (10000) before the service
behind it looks for anything. A list tells less: to a token that may not read them an account has no identity providers.

Source of the names: "Accepted Permissions" in cloudflare/terraform-provider-cloudflare, docs/resources; the dashboard
says "Edit" where the API says "Write".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from homeport.cli.cloudflare import PERMISSIONS, PUBLIC, bears, mark
from homeport.cli.preflight.api import Answer, Api, UnreachableError, clock
from homeport.cli.preflight.findings import Finding, Outcome, unread
from homeport.cli.unreadable import NEWER, UNREADABLE
from homeport.model import fixes, names
from homeport.model.access import public_hostnames

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from homeport.plan.resolve import Plan
    from homeport.settings.clouds import Cloudflare as Ids

_CHECK = "Cloudflare token"
_NOBODY, _NO_RECORD = "00000000-0000-0000-0000-000000000000", "0" * 32
_TRIED = dict(
    zip(
        PERMISSIONS,
        (
            f"/zones/{{zone}}/dns_records/{_NO_RECORD}",
            f"/accounts/{{account}}/cfd_tunnel/{_NOBODY}",
            f"/accounts/{{account}}/access/apps/{_NOBODY}",
            f"/accounts/{{account}}/access/service_tokens/{_NOBODY}",
            f"/accounts/{{account}}/access/identity_providers/{_NOBODY}",
        ),
        strict=True,
    )
)
"""Permission to what nobody has and only it may delete."""
_HOSTS = ("A", "AAAA", "CNAME")
"""Kinds of records of which a name has one kind only, where one of them is a CNAME (81053)."""
_REFUSED = (401, 403)
_TOKEN_OFF = ("disabled", "expired")
_ZONE_OFF = ("initializing", "pending", "moved")
"""All that Cloudflare's API lists beside `active`."""
_MOST = 1000
"""Rows of one list: more is a second page, and nobody has so many."""


class _ForbiddenError(Exception):
    """The token may not, which is said by the check of its permissions."""


class Cloudflare:
    """The account and zone, and what is to be made in them.

    Args:
        plan: The stack's plan.
        ids: The settings' account and zone.
        state: As ``pulumi stack export`` has it.
        token: The API token.
        base: Where the API is; empty: at Cloudflare.
    """

    def __init__(self, plan: Plan, ids: Ids, state: Mapping[str, Any], token: str, base: str = "") -> None:
        self._plan, self._ids = plan, ids
        self._api = Api("Cloudflare", base or PUBLIC, token)
        resources = state.get("resources") or []
        types = {str(resource.get("id")): str(resource.get("type", "")) for resource in resources}
        self._known = {key for key, kind in types.items() if kind.startswith("cloudflare:index/")}
        self._mark = mark(dict(state))
        self._tunnel = plan.blueprint.exposure == "tunnel"
        self._doors = public_hostnames(plan.blueprint) if self._tunnel else ()

    def probes(self) -> list[Callable[[], Iterable[Finding]]]:
        """The checks, in the order in which they are shown."""
        hosts = sorted({self._plan.blueprint.host(route) for route in self._plan.blueprint.routes})
        every: list[Callable[[], Iterable[Finding]]] = [
            self._verified,
            *(partial(self._may, name, path) for name, path in self._permissions().items()),
            self._zone,
            *(partial(self._records, host) for host in hosts),
        ]
        every += [self._team, self._providers, self._applications, self._tunnels] if self._tunnel else []
        return [self._guarded(probe) for probe in every]

    def close(self) -> None:
        """Ends the connections."""
        self._api.close()

    def _permissions(self) -> dict[str, str]:
        """Those that the stack needs: names alone need none of the account."""
        return {name: path for name, path in _TRIED.items() if self._tunnel or path.startswith("/zones/")}

    def _guarded(self, probe: Callable[[], Iterable[Finding]]) -> Callable[[], list[Finding]]:
        def asked() -> list[Finding]:
            found: list[Finding] = []
            try:
                found.extend(probe())
            except _ForbiddenError:
                pass
            except UnreachableError as problem:
                outcome: Outcome = "unknown" if self._known else "refused"
                what = f"does not answer, so it was not looked at whole: {problem}"
                fix = "try again; if it stays: https://www.cloudflarestatus.com"
                found.append(Finding(check="Cloudflare", outcome=outcome, what=what, fix=fix))
            except UNREADABLE as error:
                found.append(unread("Cloudflare", error))
            return found

        return asked

    def _get(self, path: str, **query: str | int) -> Any:
        answer = self._api.ask("GET", path.format(account=self._ids.account_id, zone=self._ids.zone_id), **query)
        if answer.status in _REFUSED:
            raise _ForbiddenError
        return answer.body.get("result") if answer.good else None

    def _new_token(self) -> str:
        first = (
            "My Profile, API Tokens in Cloudflare's dashboard: give it "
            f"{', '.join(f'{name}: Edit' for name in self._permissions())}. A new one is then set by this command."
        )
        return fixes.run(fixes.keep("cloudflare-api-token"), first=first)

    def _told(self) -> Answer:
        """What is told of the token; a user's and an account's are asked for in two places."""
        answer = self._api.ask("GET", "/user/tokens/verify")
        return answer if answer.good else self._api.ask("GET", f"/accounts/{self._ids.account_id}/tokens/verify")

    def _verified(self) -> Iterator[Finding]:
        answer = self._told()
        yield from clock("Cloudflare", answer)
        status = _status(answer)
        if status == "active":
            yield Finding(check=_CHECK, outcome="ok", what="valid")
        elif status and status not in _TOKEN_OFF:
            yield _unheard(_CHECK, status)
        else:
            what = f"is {status}" if status else "is refused: it is wrong, expired, or was revoked"
            yield Finding(check=_CHECK, outcome="refused", what=what, fix=self._new_token())

    def _may(self, name: str, path: str) -> Iterator[Finding]:
        path = path.format(account=self._ids.account_id, zone=self._ids.zone_id)
        answer = self._api.ask("DELETE", path)
        if answer.status in _REFUSED and not _off(answer):
            if _status(self._told()) != "active":
                raise _ForbiddenError
            where = "zone" if path.startswith("/zones/") else "account"
            what = f"lacks {name}: Edit (or homeport:settings.cloudflare.{where}_id is another's)"
            yield Finding(check=_CHECK, outcome="refused", what=what, fix=self._new_token())
        else:
            yield Finding(check=_CHECK, outcome="ok", what=f"has {name}: Edit")

    def _set(self, check: str, what: str, key: str, value: str) -> Finding:
        fix = fixes.put(f"{fixes.SETTINGS}.{key}", value)
        return Finding(check=check, outcome="refused", what=what, fix=fix)

    def _zone(self) -> Iterator[Finding]:
        answer = self._api.ask("GET", f"/zones/{self._ids.zone_id}")
        if answer.status in _REFUSED:
            raise _ForbiddenError
        zone: dict[str, Any] = answer.body.get("result") or {}
        if not answer.good:
            what = "Cloudflare has no zone of this id"
            yield self._set("zone", what, "cloudflare.zone_id", "<the id on the zone's overview page>")
            return
        name = str(zone["name"])
        hosts = {self._plan.blueprint.host(route) for route in self._plan.blueprint.routes}
        foreign = sorted(host for host in hosts if host != name and not host.endswith(f".{name}"))
        deep = sorted(host for host in hosts - set(foreign) if host.removesuffix(name).count(".") > 1)
        owner = str((zone.get("account") or {}).get("id", ""))
        if foreign:
            what = f"{name} does not hold {', '.join(foreign)}"
            yield self._set("zone", what, "domain", name)
        if owner and owner != self._ids.account_id:
            what = f"{name} belongs to another account than cloudflare.account_id"
            yield self._set("zone", what, "cloudflare.account_id", owner)
        for host in deep if self._tunnel else ():
            # developers.cloudflare.com/ssl/edge-certificates/universal-ssl/limitations: the zone and one level below.
            what = f"Cloudflare's edge has no certificate for {host}: more than one level below {name}"
            key = next(r.name for r in self._plan.blueprint.routes if self._plan.blueprint.host(r) == host)
            flat = f"{host.removesuffix(f'.{name}').replace('.', '-')}.{name}"
            yield self._set("zone", what, f"hostnames.{key}", flat)
        if (status := str(zone.get("status"))) not in {"active", *_ZONE_OFF}:
            yield _unheard("zone", status)
        elif status != "active":
            servers = " and ".join(zone.get("name_servers") or ["those that its overview page names"])
            what = f"{name} is {status}: its registrar does not delegate it to Cloudflare yet"
            fix = f"set the domain's name servers to {servers} at its registrar; that takes up to a day"
            yield Finding(check="DNS", outcome="refused", what=what, fix=fix)
        elif not (foreign or deep):
            yield Finding(check="zone", outcome="ok", what=f"{name} is active and holds every name of this stack")

    def _records(self, host: str) -> Iterator[Finding]:
        rows = self._get("/zones/{zone}/dns_records", **{"name.exact": host}, per_page=_MOST) or []
        for row in rows:
            if self._ours(row, "comment") or row["type"] not in _HOSTS:
                continue
            path = f"/zones/{self._ids.zone_id}/dns_records/{row['id']}"
            what = f"{host} is there already: {row['type']} to {row.get('content', '')}, which this stack did not make"
            yield self._taken("DNS record", what, path)

    def _ours(self, row: Mapping[str, Any], field: str = "name") -> bool:
        """Whether this stack made it; also if no answer told it so: the next update removes that first."""
        return row["id"] in self._known or bears(row, field, self._mark)

    def _taken(self, check: str, what: str, path: str) -> Finding:
        fix = (
            "remove it in Cloudflare's dashboard, or let homeport take the name over (what is there is removed then): "
            f"bin/homeport preflight --take-over --stack {self._plan.stack}"
        )
        return Finding(check=check, outcome="refused", what=what, fix=fix, foreign=path)

    def _team(self) -> Iterator[Finding]:
        path = f"/accounts/{self._ids.account_id}/access/organizations"
        answer = self._api.ask("GET", path)
        if _off(answer):
            what = "is not switched on in this account"
            first = "Open https://one.dash.cloudflare.com once, choose a team's name and the Free plan."
            fix = fixes.put(f"{fixes.SETTINGS}.cloudflare.team", "<that name>", first=first)
            yield Finding(check="Zero Trust", outcome="refused", what=what, fix=fix)
        elif answer.good and answer.body.get("result"):
            team = str(answer.body["result"].get("auth_domain", "")).removesuffix(".cloudflareaccess.com")
            if team != self._ids.team:
                what = f"this account's team is {team}, not {self._ids.team}"
                yield self._set("Zero Trust", what, "cloudflare.team", team)
            else:
                yield Finding(check="Zero Trust", outcome="ok", what=f"is on, team {team}")

    def _providers(self) -> Iterator[Finding]:
        """An account has one identity provider of kind onetimepin; a second one is refused (409, 12132)."""
        access = self._plan.settings.access
        rows: list[dict[str, Any]] = self._get("/accounts/{account}/access/identity_providers", per_page=_MOST) or []
        by_id = {row["id"]: row for row in rows}
        key = "access.identity_provider"
        if access.identity_provider:
            row = by_id.get(access.identity_provider)
            if row is None:
                what = f"{key} names an identity provider that this account does not have"
                there = ", ".join(f"{other['name']} ({other['type']}) is {other['id']}" for other in rows) or "none"
                fix = fixes.drop(f"{fixes.SETTINGS}.{key}", first=f"Take one of these: {there}; or take it out.")
                yield Finding(check="login", outcome="refused", what=what, fix=fix)
            else:
                yield Finding(check="login", outcome="ok", what=f"{row['name']} ({row['type']}) is used as it is")
            return
        if access.login == "google":
            back = f"https://{self._ids.team}.cloudflareaccess.com/cdn-cgi/access/callback"
            what = f"whether Google's OAuth client lets people come back to {back} can't be seen from here"
            fix = f"Google's console, Credentials, the OAuth client: add {back} to its redirect URIs"
            yield Finding(check="login", outcome="unknown", what=what, fix=fix)
            return
        taken = next((row for row in rows if row["type"] == "onetimepin" and not self._ours(row)), None)
        if taken is None:
            yield Finding(check="login", outcome="ok", what="no other one-time PIN in this account")
        else:
            what = f"this account has its one-time PIN already, {taken['name']!r}, and there is one an account"
            yield self._set("login", what, key, str(taken["id"]))

    def _applications(self) -> Iterator[Finding]:
        wanted = {f"{door.hostname}{area.path}".rstrip("/") for door in self._doors for area in door.areas()}
        rows: list[dict[str, Any]] = self._get("/accounts/{account}/access/apps", per_page=_MOST) or []
        for row in rows:
            domain = str(row.get("domain") or "").rstrip("/")
            if self._ours(row) or domain not in wanted:
                continue
            path = f"/accounts/{self._ids.account_id}/access/apps/{row['id']}"
            what = f"{row.get('name', '')!r} guards {domain} already, which this stack did not make"
            yield self._taken("Access application", what, path)

    def _tunnels(self) -> Iterator[Finding]:
        """Another tunnel of our name does no harm: the stack's mark makes ours another. It is left of a lost state."""
        host = self._plan.blueprint.main_host
        first = f"{names.tunnel(self._plan.blueprint.preset, host)}-"
        rows = self._get("/accounts/{account}/cfd_tunnel", is_deleted="false", per_page=_MOST) or []
        for row in rows:
            if str(row["name"]).startswith(first) and not self._ours(row):
                what = f"{row['name']} is of another stack, or was left by a state that is lost"
                fix = "if nobody needs it: remove it in Cloudflare's dashboard, Networks, Connectors"
                yield Finding(check="tunnel", outcome="warning", what=what, fix=fix)


def _unheard(check: str, status: str) -> Finding:
    what = f"is {status[:40]!r}, which this version does not know; the update will tell"
    return Finding(check=check, outcome="warning", what=what, fix=NEWER)


def _status(answer: Answer) -> str:
    """Of the token; nothing where Cloudflare knows none."""
    return str((answer.body.get("result") or {}).get("status", "")) if answer.good else ""


def _off(answer: Answer) -> bool:
    """Whether the account has no Zero Trust; with which status that comes is nowhere written."""
    return any("access.api.error.not_enabled" in str(row.get("message")) for row in answer.body.get("errors") or [])
