"""Claims on jett's tunnel, Access and DNS, and on the way to the local machine behind them."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.probes.errors import ProbeError

if TYPE_CHECKING:
    from rehearsal.claims.view import View

_OFFLINE = 10.0
"""Seconds after which a visitor must have an answer though the local machine is off."""
_WEBHOOK = "/webhook/"
_DASHBOARD = 3000


def strangers(view: View) -> dict[str, int]:
    """What a visitor without any credentials gets at each name, at a webhook's path, and at a name that nobody has."""
    answers = {route: view.visit(name)["status"] for route, name in view.hostnames.items()}
    webhook = view.visit(view.hostnames["n8n"], f"{_WEBHOOK}none", method="POST")["status"]
    return {**answers, "webhook": webhook}


def turned_away(found: dict[str, int]) -> dict[str, bool]:
    """Whether Access sent them to its login (302), or refused (401, 403), and nothing of ours answered."""
    return {name: status in (302, 401, 403) for name, status in found.items()}


def with_token(view: View) -> tuple[bool, bool]:
    """Whether a service token opens the webhooks' path (n8n itself answers), and whether it opens the editor."""
    headers = {name.replace("-", "_"): value for name, value in view.token.items()}
    webhook = view.visit(view.hostnames["n8n"], f"{_WEBHOOK}nobody-has-this", method="POST", **headers)
    editor = view.visit(view.hostnames["n8n"], "/", **headers)
    return "not registered" in webhook["body"], editor["status"] in (302, 401, 403)


def directly(view: View) -> list[int]:
    """Ports of the tunnel's origins that an outside host reaches without the tunnel."""
    return sorted({port for found in view.outside() for port in found["open"]} - set(view.tcp))


def records(view: View) -> dict[str, tuple[str, bool]]:
    """Type and target's suffix of each name's DNS record, and whether it is proxied."""
    found = view.cloud("cloudflare", f"/zones/{view.ids['zone_id']}/dns_records")["result"]
    return {one["name"]: (f"{one['type']} {one['content'].partition('.')[2]}", one["proxied"]) for one in found}


def applications(view: View) -> dict[str, list[str]]:
    """Decisions of the policies of every Access application, by the name and path that it guards."""
    found = view.cloud("cloudflare", f"/accounts/{view.ids['account_id']}/access/apps")["result"]
    return {one["domain"]: sorted(policy["decision"] for policy in one.get("policies") or ()) for one in found}


def people(view: View) -> str:
    """A mail address that a policy lets in by name.

    Raises:
        ProbeError: none is named.
    """
    apps = view.cloud("cloudflare", f"/accounts/{view.ids['account_id']}/access/apps")["result"]
    rules = [
        rule
        for app in apps
        for policy in app.get("policies") or ()
        if policy["decision"] == "allow"
        for rule in policy["include"]
    ]
    if not (emails := [rule["email"]["email"] for rule in rules if "email" in rule]):
        raise ProbeError("Access", "no policy names a mail address", "set access.emails in homeport:settings")
    return str(emails[0])


def nowhere(view: View) -> tuple[int, int]:
    """A name that leads to the tunnel by hand though nobody declared it, and one that has no record at all."""
    hostname = next(iter(view.hostnames.values()))
    zone = f"/zones/{view.ids['zone_id']}/dns_records"
    target = next(one["content"] for one in view.cloud("cloudflare", zone)["result"] if one["name"] == hostname)
    name = f"claim-{secrets.token_hex(4)}.{hostname.partition('.')[2]}"
    without = view.visit(name)["status"]
    record = {"type": "CNAME", "name": name, "content": target, "proxied": True, "ttl": 1}
    made = view.cloud("cloudflare", zone, "POST", record)["result"]["id"]
    try:
        return view.visit(name)["status"], without
    finally:
        view.cloud("cloudflare", f"{zone}/{made}", "DELETE")


def persons(view: View) -> dict[str, int]:
    """What a person whom the settings name gets from n8n's editor, and that a stranger gets no session."""
    hostname = view.hostnames["n8n"]
    named, stranger = view.log_in(hostname, people(view)), view.log_in(hostname, "stranger@example.net")
    return {"named": view.visit(hostname, Cookie=named)["status"], "sessions of a stranger": len(stranger)}


def dashboard(view: View) -> dict[str, Any]:
    """What a person gets from the dashboard's name while the local machine serves nothing, is off, and serves."""
    hostname = view.hostnames["jett"]
    cookie = view.log_in(hostname, people(view))

    def ask() -> tuple[int, float]:
        began = time.monotonic()
        return view.visit(hostname, Cookie=cookie)["status"], time.monotonic() - began

    found: dict[str, Any] = {"nothing there": ask()}
    sink = view.peer.sink(_DASHBOARD, address=view.peer_address, answers=[{"status": 200, "body": "dashboard"}])
    found["there"] = ask()
    sink.stop()
    view.peer.down()
    try:
        found["off"] = ask()
    finally:
        view.peer.up(view.peer_config)
        view.peer.knock(view.vpn_address)
        view.peer.until_handshake()
    return found


def heartbeat(view: View) -> tuple[int, int]:
    """The status that n8n gives the heartbeat of a member of the VPN (S2-45's own call), and a webhook that nobody has."""
    body, headers = '{"status":"online"}', {"Content-Type": "application/json"}
    urls = [f"http://{view.vpn_address}:5678{_WEBHOOK}{name}" for name in ("heartbeat", "nobody-has-this")]
    first, second = (view.peer.fetch(url, method="POST", body=body, headers=headers)["status"] for url in urls)
    return first, second


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="zero-trust-on",
        rows=("S2-55", "S2-39", "S2-40"),
        says="without a login or a token nobody gets past Access, at any name",
        look=strangers,
        come_to=turned_away,
        expected=lambda view: dict.fromkeys([*view.hostnames, "webhook"], True),
        spoil=lambda found: {**found, "n8n": 200},
    ),
    Claim(
        name="access-denies-by-default",
        rows=("S2-39",),
        says="every public name has an Access application with a policy, and none lets everybody in",
        look=applications,
        come_to=lambda found: sorted(
            name for name, decisions in found.items() if decisions and "bypass" not in decisions and "/" not in name
        ),
        expected=lambda view: sorted(view.hostnames.values()),
        spoil=lambda found: {name: ["bypass"] for name in found},
    ),
    Claim(
        name="webhooks-by-token",
        rows=("S2-40", "S2-41"),
        says="a service token reaches n8n through the tunnel at its webhooks, and not its editor",
        look=with_token,
        come_to=lambda found: found,
        expected=lambda _: (True, True),
        broken="claim zero-trust-on: the same path without the token",
    ),
    Claim(
        name="unknown-name-404",
        rows=("S2-36", "B-12"),
        says="a name that leads to the tunnel but is declared nowhere gets 404, and a name without a record not even that",
        look=nowhere,
        come_to=lambda found: found,
        expected=lambda _: (404, 530),
        broken="claim people-log-in: a declared name answers",
    ),
    Claim(
        name="people-log-in",
        rows=("S2-39",),
        says="a person whom the settings name reaches n8n's editor after a login; a stranger gets no session",
        look=persons,
        come_to=lambda found: found,
        expected=lambda _: {"named": 200, "sessions of a stranger": 0},
        broken="claim zero-trust-on: the same page without a session",
    ),
    Claim(
        name="dashboard-on-and-off",
        rows=("S2-42",),
        says="the dashboard's name leads through the VPN to the local machine; while that is off, the visitor is told so in time",
        look=dashboard,
        come_to=lambda found: {name: (status, seconds < _OFFLINE) for name, (status, seconds) in found.items()},
        expected=lambda _: {"nothing there": (502, True), "there": (200, True), "off": (502, True)},
        spoil=lambda found: {**found, "off": (502, 30.0)},
    ),
    Claim(
        name="origin-refused-directly",
        rows=("S2-30", "S2-41", "B-11"),
        says="what the tunnel leads to is not to be had without it",
        look=directly,
        come_to=lambda ports: ports,
        expected=lambda _: [],
        spoil=lambda ports: [*ports, 5678],
    ),
    Claim(
        name="names-lead-to-the-tunnel",
        rows=("S2-38",),
        says="each public name is a proxied CNAME of the tunnel",
        look=records,
        come_to=lambda found: found,
        expected=lambda view: dict.fromkeys(view.hostnames.values(), ("CNAME cfargotunnel.com", True)),
        spoil=lambda found: {name: (target, False) for name, (target, _) in found.items()},
    ),
    Claim(
        name="heartbeat-is-taken",
        rows=("S2-45", "S2-46"),
        says="n8n takes the heartbeat of the local machine",
        look=heartbeat,
        come_to=lambda found: found,
        expected=lambda _: (200, 404),
        broken="the second call of the same look: a webhook that nobody has",
    ),
)
