"""Hetzner Cloud before a server is rented: token, server type, image, names that are taken, price.

Reference: https://docs.hetzner.cloud. Whether a token may write is nowhere told; only a call that writes shows it
(`token_readonly`). The one that is made deletes SSH key 0, which nobody has.
"""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any

from homeport.cli.preflight.api import Answer, Api, UnreachableError, clock
from homeport.cli.preflight.findings import Finding, Outcome, unread
from homeport.cli.unreadable import UNREADABLE
from homeport.model import fixes, names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from homeport.plan.resolve import Plan
    from homeport.settings.hosts import CreateHost

PUBLIC = "https://api.hetzner.cloud/v1"
_CHECK = "Hetzner token"
_NAMED = {"servers": "a server", "firewalls": "a firewall", "primary_ips": "an address", "ssh_keys": "an SSH key"}
_TAKEN = (401, 403)


class _RefusedError(Exception):
    """The token opens nothing."""


class Hetzner:
    """What is to be rented, and the project that it is rented in.

    Args:
        plan: The stack's plan.
        state: As ``pulumi stack export`` has it.
        token: The project's API token.
        base: Where the API is; empty: at Hetzner.
        public_key: Public half of a supplied SSH key; empty where each host gets one of its own.
    """

    def __init__(self, plan: Plan, state: Mapping[str, Any], token: str, base: str = "", public_key: str = "") -> None:
        self._plan, self._public = plan, public_key
        self._api = Api("Hetzner Cloud", base or PUBLIC, token)
        resources = [
            resource
            for resource in state.get("resources") or []
            if str(resource.get("type", "")).startswith("hcloud:index/")
        ]
        self._known = {str(resource.get("id")) for resource in resources}
        self._servers = {
            names.logical(str(resource["urn"])): (resource.get("inputs") or {}).get("serverType")
            for resource in resources
            if resource["type"] == "hcloud:index/server:Server"
        }
        self._hosts: dict[str, CreateHost] = {
            name: host for name, host in sorted(plan.settings.hosts.items()) if host.mode == "create"
        }

    def probes(self) -> list[Callable[[], Iterable[Finding]]]:
        """The checks, in the order in which they are shown."""
        return [
            self._guarded(self._token),
            *(self._guarded(partial(self._order, name)) for name in self._hosts),
            *(self._guarded(partial(self._names, name)) for name in self._hosts),
            self._guarded(self._price),
        ]

    def close(self) -> None:
        """Ends the connections."""
        self._api.close()

    def _guarded(self, probe: Callable[[], Iterable[Finding]]) -> Callable[[], list[Finding]]:
        """A probe that says once for all of them that the cloud cannot be asked."""

        def asked() -> list[Finding]:
            found: list[Finding] = []
            try:
                found.extend(probe())
            except _RefusedError:
                found.append(self._bad_token("is refused: it is wrong, or was revoked"))
            except UnreachableError as problem:
                outcome: Outcome = "unknown" if self._known else "refused"
                what = f"does not answer, so nothing of it was checked: {problem}"
                found.append(Finding(check="Hetzner Cloud", outcome=outcome, what=what, fix="try again when it does"))
            except UNREADABLE as error:
                found.append(unread("Hetzner Cloud", error))
            return found

        return asked

    def _bad_token(self, what: str) -> Finding:
        fix = (
            "make one with Read & Write in Hetzner's console (project, Security, API tokens). "
            f"Run: {fixes.keep('hcloud-token')}"
        )
        return Finding(check=_CHECK, outcome="refused", what=what, fix=fix)

    def _get(self, path: str, **query: str | int) -> dict[str, Any]:
        answer = self._api.ask("GET", path, **query)
        if answer.status in _TAKEN:
            raise _RefusedError
        if not answer.good:
            raise UnreachableError(f"{path}: {answer.status} {_code(answer)}")
        return answer.body

    def _token(self) -> Iterator[Finding]:
        answer = self._api.ask("DELETE", "/ssh_keys/0")
        yield from clock("Hetzner Cloud", answer)
        if _code(answer) == "token_readonly":
            yield self._bad_token("may only read")
        elif answer.status in _TAKEN:
            raise _RefusedError
        else:
            yield Finding(check=_CHECK, outcome="ok", what="valid, may write")

    def _order(self, name: str) -> Iterator[Finding]:
        """Whether the server can be had, where and as what it is wanted; nothing for one that is there."""
        host = self._hosts[name]
        if self._servers.get(names.server(name)) == host.server_type:
            return
        check = f"server {name}"
        path = f"homeport:settings.hosts.{name}"
        kinds: list[dict[str, Any]] = self._get("/server_types", per_page=50)["server_types"]
        kind = next((row for row in kinds if row["name"] == host.server_type), None)
        sold = ", ".join(row["name"] for row in kinds if _sold(row, host.location)) or "none"
        if not any(place["name"] == host.location for place in self._get("/locations", per_page=50)["locations"]):
            what = f"Hetzner has no location {host.location!r}"
            yield self._refused(check, what, f"{path}.location", "fsn1")
            return
        if kind is None or not _sold(kind, host.location):
            state = "is not sold any more" if kind is None or _over(kind, host.location) else "cannot be had now"
            place = next((row["name"] for row in (kind or {}).get("locations") or [] if row.get("available", True)), "")
            what = f"{host.server_type} {state} in {host.location}; sold there: {sold}"
            if kind is not None and place:
                what += f"; {host.server_type} can be had in {place}"
            yield self._refused(check, what, f"{path}.server_type", _like(kinds, kind, host))
            return
        images = self._get("/images", name=host.image, architecture=kind["architecture"])["images"]
        if not images:
            what = f"Hetzner has no image {host.image!r} for {kind['architecture']}, which {host.server_type} needs"
            yield self._refused(check, what, f"{path}.image", type(host).model_fields["image"].default)
            return
        yield Finding(check=check, outcome="ok", what=f"{host.server_type} with {host.image} is to be had")

    def _refused(self, check: str, what: str, path: str, value: str) -> Finding:
        fix = fixes.put(path, value)
        return Finding(check=check, outcome="refused", what=what, fix=fix)

    def _names(self, name: str) -> Iterator[Finding]:
        """Names are unique in a project, each kind for itself (`uniqueness_error`)."""
        wanted = names.rented(self._plan.stack, name)
        address6 = names.rented_ipv6(self._plan.stack, name)
        calls = [(kind, wanted) for kind in _NAMED if kind != "ssh_keys"] + [("primary_ips", address6)]
        taken = [(kind, row) for kind, called in calls for row in self._get(f"/{kind}", name=called)[kind]]
        keys: list[dict[str, Any]] = self._get("/ssh_keys", per_page=50)["ssh_keys"]
        shared = [row for row in keys if self._public and row["fingerprint"] == fingerprint(self._public)]
        key = (self._public and self._plan.settings.ssh.key_name) or wanted
        taken += [("ssh_keys", row) for row in keys if not shared and row["name"] == key]
        strangers = [(kind, row) for kind, row in taken if str(row["id"]) not in self._known]
        for kind, row in strangers:
            what = f"{_NAMED[kind]} called {row['name']} is there already ({row['id']}), which this stack did not make"
            fix = "give the host or the stack another name, or remove it in Hetzner's console if nobody needs it"
            yield Finding(check="names at Hetzner", outcome="refused", what=what, fix=fix)
        used = [row["name"] for row in shared if str(row["id"]) not in self._known]
        if used:
            yield Finding(check="SSH key", outcome="ok", what=f"is at Hetzner already, as {used[0]}, and is used")
        if not strangers:
            yield Finding(check="names at Hetzner", outcome="ok", what="free, or this stack's own")

    def _price(self) -> Iterator[Finding]:
        """What Hetzner asks a month, of this account and today: servers and addresses, without traffic beyond."""
        pricing = self._get("/pricing")["pricing"]
        kinds = {row["name"]: row for row in pricing["server_types"]}
        no_price: dict[str, Any] = {"prices": []}
        address = next((row for row in pricing["primary_ips"] if row["type"] == "ipv4"), no_price)
        net = gross = Decimal(0)
        parts = []
        for name, host in self._hosts.items():
            prices = [_at(rows, host.location) for rows in (kinds.get(host.server_type, no_price), address)]
            if None in prices:
                parts.append(f"{name}: {host.server_type} has no price in {host.location}")
                continue
            known = [price for price in prices if price is not None]
            net += sum(Decimal(price["net"]) for price in known)
            gross += sum(Decimal(price["gross"]) for price in known)
            parts.append(f"{name}: {host.server_type} {_money(known[0]['net'])}, IPv4 {_money(known[1]['net'])}")
        what = (
            f"{_money(net)} {pricing['currency']} a month without tax, {_money(gross)} with "
            f"{Decimal(pricing['vat_rate']).normalize():f} % ({'; '.join(parts)})"
        )
        yield Finding(check="price", outcome="ok", what=what)


def fingerprint(public: str) -> str:
    """How Hetzner shows an SSH key: MD5 of its blob in pairs of digits."""
    digits = hashlib.md5(base64.b64decode(public.split()[1]), usedforsecurity=False).hexdigest()
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))


def _code(answer: Answer) -> str:
    error = answer.body.get("error")
    return str(error.get("code", "")) if isinstance(error, dict) else ""


def _offer(kind: Mapping[str, Any], location: str) -> dict[str, Any] | None:
    offers: list[dict[str, Any]] = kind.get("locations") or []
    return next((offer for offer in offers if offer["name"] == location), None)


def _over(kind: Mapping[str, Any], location: str) -> bool:
    offer = _offer(kind, location)
    return offer is None or offer.get("deprecation") is not None


def _sold(kind: Mapping[str, Any], location: str) -> bool:
    """Whether it can be ordered there now; prices and `deprecation` of the type itself do not tell."""
    offer = _offer(kind, location)
    return offer is not None and bool(offer.get("available", not offer.get("deprecation")))


def _like(kinds: list[dict[str, Any]], gone: Mapping[str, Any] | None, host: CreateHost) -> str:
    """What is sold there and comes nearest: the same family, else the least that is no smaller."""
    sold = [kind for kind in kinds if _sold(kind, host.location)]
    family = host.server_type.rstrip("0123456789")
    same = [kind for kind in sold if kind["name"].rstrip("0123456789") == family]
    memory = gone["memory"] if gone else next((k["memory"] for k in same if k["name"][:-1] == host.server_type[:-1]), 0)
    fitting = [kind for kind in same or sold if kind["memory"] >= memory] or same or sold
    return str(min(fitting, key=lambda kind: kind["memory"])["name"]) if fitting else "<a server type>"


def _at(row: Mapping[str, Any], location: str) -> dict[str, str] | None:
    return next((price["price_monthly"] for price in row["prices"] if price["location"] == location), None)


def _money(amount: Decimal | str) -> str:
    return f"{Decimal(amount):.2f}"
