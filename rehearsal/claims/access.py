"""Claims on public names: DNS, the tunnel, and Access before it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.doors import OPEN

if TYPE_CHECKING:
    from rehearsal.claims.view import View

_TURNED_AWAY = (302, 401, 403)
"""Access's own answers: to its login, or refused."""


def guarded(view: View) -> dict[str, str]:
    """The public names at which everybody is asked for something, by the name of their route."""
    routes = view.expected.routes
    return {name: host for name, host in view.hostnames.items() if routes[name].doors[-1].kind not in OPEN}


def without_credentials(view: View) -> dict[str, int]:
    """What a visitor without any credentials gets at each name, and at a webhook's path of it."""
    names = guarded(view).items()
    pages = {label: view.visit(name)["status"] for label, name in names}
    hooks = {f"{label} webhook": view.visit(name, "/webhook/none", method="POST")["status"] for label, name in names}
    return {**pages, **hooks}


def turned_away(statuses: dict[str, int]) -> dict[str, bool]:
    """Whether Access sent them to its login or refused, and nothing of ours answered."""
    return {name: status in _TURNED_AWAY for name, status in statuses.items()}


def reached_directly(view: View) -> list[int]:
    """Ports of the tunnel's origins that an outside host reaches without the tunnel."""
    return sorted({port for scan in view.outside() for port in scan["open"]} - set(view.expected.tcp))


def records(view: View) -> dict[str, tuple[str, bool]]:
    """Type and target's suffix of each name's DNS record, and whether it is proxied."""
    return {
        record["name"]: (f"{record['type']} {record['content'].partition('.')[2]}", record["proxied"])
        for record in view.dns_records()
    }


def decisions(view: View) -> dict[str, list[str]]:
    """Decisions of the policies of every Access application, by the name and path that it guards."""
    return {
        app["domain"]: sorted(policy["decision"] for policy in app.get("policies") or ()) for app in view.applications()
    }


def undeclared_name(view: View) -> tuple[int, int]:
    """A name that leads to the tunnel by hand though nobody declared it, and one that has no record at all."""
    zone = f"/zones/{view.ids['zone_id']}/dns_records"
    hostnames = view.hostnames.values()
    target = next(record["content"] for record in view.dns_records() if record["name"] in hostnames)
    name = f"claim-{secrets.token_hex(4)}.{view.domain}"
    without = view.visit(name)["status"]
    record = {"type": "CNAME", "name": name, "content": target, "proxied": True, "ttl": 1}
    record_id = view.cloud("cloudflare", zone, "POST", record)["result"]["id"]
    try:
        return view.visit(name)["status"], without
    finally:
        view.cloud("cloudflare", f"{zone}/{record_id}", "DELETE")


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="zero-trust-on",
        rows=("S2-55", "S2-39", "S2-40"),
        needs=frozenset({"tunnel"}),
        says="without a login or a token nobody gets past Access, at any name",
        observe=without_credentials,
        value=turned_away,
        expected=lambda view: {name: True for label in guarded(view) for name in (label, f"{label} webhook")},
        spoil=lambda statuses: {**statuses, min(statuses): 200},
    ),
    Claim(
        name="names-have-certificates",
        rows=("RW-09",),
        needs=frozenset({"tunnel"}),
        says="at every name for which Access asks, the edge has a certificate that a visitor trusts",
        observe=lambda view: {label: view.visit_securely(name) for label, name in guarded(view).items()},
        value=turned_away,
        expected=lambda view: dict.fromkeys(guarded(view), True),
        spoil=lambda statuses: {**statuses, min(statuses): 0},
    ),
    Claim(
        name="access-denies-by-default",
        rows=("S2-39",),
        needs=frozenset({"tunnel"}),
        says="every name for which Access asks has an application of it with a policy, and none lets everybody in",
        observe=decisions,
        value=lambda apps: sorted(
            name for name, several in apps.items() if several and "bypass" not in several and "/" not in name
        ),
        expected=lambda view: sorted(guarded(view).values()),
        spoil=lambda apps: {name: ["bypass"] for name in apps},
    ),
    Claim(
        name="unknown-name-404",
        rows=("S2-36",),
        needs=frozenset({"tunnel"}),
        says="a name that leads to the tunnel but is declared nowhere gets 404, one without a record not even that",
        observe=undeclared_name,
        expected=lambda _: (404, 530),
        broken="claim people-log-in: a declared name answers",
    ),
    Claim(
        name="origin-refused-directly",
        rows=("S2-30", "S2-41", "B-11"),
        needs=frozenset({"tunnel"}),
        says="what the tunnel leads to is not to be had without it",
        observe=reached_directly,
        expected=lambda _: [],
        spoil=lambda ports: [*ports, 5678],
    ),
    Claim(
        name="names-lead-to-the-tunnel",
        rows=("S2-38",),
        needs=frozenset({"tunnel"}),
        says="each public name is a proxied CNAME of the tunnel",
        observe=records,
        expected=lambda view: dict.fromkeys(view.hostnames.values(), ("CNAME cfargotunnel.com", True)),
        spoil=lambda targets: {name: (target, False) for name, (target, _) in targets.items()},
    ),
)
