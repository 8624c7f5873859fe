"""Claims that only jett has: who may use n8n and how, and the dashboard on the local machine."""

from __future__ import annotations

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


def with_token(view: View) -> tuple[bool, bool]:
    """Whether a service token opens the webhooks' path (n8n itself answers), and whether it opens the editor."""
    headers = {name.replace("-", "_"): value for name, value in view.token.items()}
    webhook = view.visit(view.hostnames["n8n"], f"{_WEBHOOK}nobody-has-this", method="POST", **headers)
    editor = view.visit(view.hostnames["n8n"], "/", **headers)
    return "not registered" in webhook["body"], editor["status"] in (302, 401, 403)


def named_person(view: View) -> str:
    """A mail address that a policy lets in by name.

    Raises:
        ProbeError: None is named.
    """
    policies = [policy for app in view.applications() for policy in app.get("policies") or ()]
    rules = [rule for policy in policies if policy["decision"] == "allow" for rule in policy["include"]]
    if not (emails := [rule["email"]["email"] for rule in rules if "email" in rule]):
        raise ProbeError("Access", "no policy names a mail address", "set access.emails in homeport:settings")
    return str(emails[0])


def logins(view: View) -> dict[str, int]:
    """What a person whom the settings name gets from n8n's editor, and that a stranger gets no session."""
    hostname = view.hostnames["n8n"]
    named, stranger = view.log_in(hostname, named_person(view)), view.log_in(hostname, "stranger@example.net")
    return {"named": view.visit(hostname, Cookie=named)["status"], "sessions of a stranger": len(stranger)}


def dashboard(view: View) -> dict[str, Any]:
    """What a person gets from the dashboard's name while the local machine serves nothing, is off, and serves."""
    hostname = view.hostnames["jett"]
    cookie = view.log_in(hostname, named_person(view))

    def ask() -> tuple[int, float]:
        began = time.monotonic()
        return view.visit(hostname, Cookie=cookie)["status"], time.monotonic() - began

    answers: dict[str, Any] = {"nothing there": ask()}
    page = [{"status": 200, "body": "dashboard"}]
    sink = view.peer.sink(_DASHBOARD, address=view.expected.vpn_peer_address, answers=page)
    answers["there"] = ask()
    sink.stop()
    view.peer.down()
    try:
        answers["off"] = ask()
    finally:
        view.peer.up(view.peer_config)
        view.peer.knock(view.vpn_address)
        view.peer.until_handshake()
    return answers


def heartbeat(view: View) -> tuple[int, int]:
    """The status that n8n gives a member's heartbeat (S2-45's own call), and one for a webhook that nobody has."""
    body, headers = '{"status":"online"}', {"Content-Type": "application/json"}
    base = f"http://{view.vpn_address}:{view.expected.services['n8n'].port}{_WEBHOOK}"
    urls = [f"{base}{name}" for name in ("heartbeat", "nobody-has-this")]
    first, second = (view.peer.fetch(url, method="POST", body=body, headers=headers)["status"] for url in urls)
    return first, second


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="webhooks-by-token",
        rows=("S2-40", "S2-41"),
        says="a service token reaches n8n through the tunnel at its webhooks, and not its editor",
        observe=with_token,
        expected=lambda _: (True, True),
        broken="claim zero-trust-on: the same path without the token",
    ),
    Claim(
        name="people-log-in",
        rows=("S2-39",),
        says="a person whom the settings name reaches n8n's editor after a login; a stranger gets no session",
        observe=logins,
        expected=lambda _: {"named": 200, "sessions of a stranger": 0},
        broken="claim zero-trust-on: the same page without a session",
    ),
    Claim(
        name="dashboard-on-and-off",
        rows=("S2-42",),
        says="the dashboard's name leads through the VPN to the local machine; while it is off, visitors hear it soon",
        observe=dashboard,
        value=lambda answers: {name: (status, seconds < _OFFLINE) for name, (status, seconds) in answers.items()},
        expected=lambda _: {"nothing there": (502, True), "there": (200, True), "off": (502, True)},
        spoil=lambda answers: {**answers, "off": (502, 30.0)},
    ),
    Claim(
        name="heartbeat-is-taken",
        rows=("S2-45", "S2-46"),
        says="n8n takes the heartbeat of the local machine",
        observe=heartbeat,
        expected=lambda _: (200, 404),
        broken="the second call of the same observation: a webhook that nobody has",
    ),
)
