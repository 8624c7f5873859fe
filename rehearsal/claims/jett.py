"""Claims that only jett has: who may use n8n and how, and the dashboard on the local machine."""

from __future__ import annotations

import http
import json
import time
from typing import TYPE_CHECKING, Any

from rehearsal.claims.claim import Claim
from rehearsal.claims.doors import named_person
from rehearsal.probes.errors import ProbeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.claims.view import View

    Ask = Callable[[str, str, str, dict[str, str]], dict[str, Any]]
    """Method, path, body and headers to `status`, `headers` and `body`."""

_OFFLINE = 10.0
"""Seconds after which a visitor must have an answer though the local machine is off."""
_WEBHOOK = "/webhook/"
_DASHBOARD = 3000


def with_token(view: View) -> tuple[bool, bool]:
    """Whether a service token opens the webhooks' path (n8n itself answers), and whether it opens the editor."""
    headers = {name.replace("-", "_"): value for name, value in view.tokens["n8n"].items()}
    webhook = view.visit(view.hostnames["n8n"], f"{_WEBHOOK}nobody-has-this", method="POST", **headers)
    editor = view.visit(view.hostnames["n8n"], "/", **headers)
    return "not registered" in webhook["body"], editor["status"] in (302, 401, 403)


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


CODE_NODES = (
    "n8n-nodes-base.code",
    "n8n-nodes-base.function",
    "n8n-nodes-base.functionItem",
    "n8n-nodes-base.aiTransform",
    "n8n-nodes-base.sort",
    "n8n-nodes-base.itemLists",
    "n8n-nodes-base.executeCommand",
    "n8n-nodes-base.ssh",
    "n8n-nodes-base.git",
    "n8n-nodes-base.localFileTrigger",
    "n8n-nodes-base.debugHelper",
    "@n8n/n8n-nodes-langchain.code",
    "@n8n/n8n-nodes-langchain.toolCode",
)
"""Nodes of n8n that run what their user writes, or reach further than a workflow should."""
HARMLESS = "n8n-nodes-base.noOp"


def code_nodes(ask: Ask, email: str, password: str) -> dict[str, bool]:
    """Which of these nodes n8n's owner can put to work: a workflow of each is made, switched on and removed again.

    Raises:
        ProbeError: The owner cannot sign in, or no workflow can be made.
    """
    cookie = ""

    def call(method: str, path: str, body: object = None) -> tuple[int, Any]:
        headers = {"Content-Type": "application/json", "browser-id": "claim", **({"Cookie": cookie} if cookie else {})}
        answer = ask(method, path, "" if body is None else json.dumps(body), headers)
        found = {name.lower(): value for name, value in answer["headers"].items()} if answer["status"] else {}
        return answer["status"], (found.get("set-cookie", "").partition(";")[0], answer.get("body", ""))

    status, (cookie, _) = call("POST", "/rest/login", {"emailOrLdapLoginId": email, "password": password})
    if status != http.HTTPStatus.OK:
        raise ProbeError("n8n", f"its owner's login answered {status}")
    found = {}
    for kind in (HARMLESS, *CODE_NODES):
        name = kind.rpartition(".")[2]
        hook = _node("Webhook", "n8n-nodes-base.webhook", 2, {"httpMethod": "POST", "path": f"claim-{name}"})
        flow = {
            "name": f"claim {name}",
            "nodes": [hook, _node("Node", kind, 1, {})],
            "connections": {"Webhook": {"main": [[{"node": "Node", "type": "main", "index": 0}]]}},
            "settings": {},
        }
        status, (_, made) = call("POST", "/rest/workflows", flow)
        if status != http.HTTPStatus.OK:
            found[kind] = False
            continue
        made = json.loads(made)["data"]
        version = {"versionId": made["versionId"]}
        status, _ = call("POST", f"/rest/workflows/{made['id']}/activate", version)
        found[kind] = status == http.HTTPStatus.OK
        call("POST", f"/rest/workflows/{made['id']}/deactivate", {})
        call("POST", f"/rest/workflows/{made['id']}/archive", {})
        call("DELETE", f"/rest/workflows/{made['id']}")
    return found


def _node(name: str, kind: str, version: float, parameters: dict[str, Any]) -> dict[str, Any]:
    place = {"typeVersion": version, "position": [0, 0], "parameters": parameters}
    return {"id": name, "name": name, "type": kind, "webhookId": name, **place}


def owners_nodes(view: View) -> dict[str, bool]:
    """The same through the VPN."""
    base = f"http://{view.vpn_address}:{view.expected.services['n8n'].port}"

    def ask(method: str, path: str, body: str, headers: dict[str, str]) -> dict[str, Any]:
        return view.peer.fetch(f"{base}{path}", method=method, body=body, headers=headers, seconds=30)

    return code_nodes(ask, "owner@example.com", view.secrets["n8n-owner-password"])


def in_any_spelling(view: View) -> dict[str, int]:
    """What a person who has logged in, and knows the API key, gets from webhooks that are closed, or for programs."""
    hostname = view.hostnames["n8n"]
    cookie = view.log_in(hostname, named_person(view))
    headers = {"Cookie": cookie, "X_API_Key": view.secrets["n8n-webhook-api-key"], "Content_Type": "application/json"}
    paths = [
        f"{start}{path}"
        for start in ("/webhook/", "/WEBHOOK/", "/%77ebhook/", "/WebHook/")
        for path in ("queue/ack", "%71ueue/claim", "heartbeat", "request")
    ]
    return {path: view.visit(hostname, path, method="POST", body='{"id": 1}', **headers)["status"] for path in paths}


CLAIMS: tuple[Claim[View, Any], ...] = (
    Claim(
        name="no-node-runs-code",
        rows=("AT-02",),
        needs=frozenset({"service n8n", "vpn"}),
        says="n8n's owner can put no node to work that runs code or commands",
        observe=owners_nodes,
        value=lambda found: {kind for kind, working in found.items() if working},
        expected=lambda _: {HARMLESS},
        spoil=lambda found: {**found, CODE_NODES[1]: True},
    ),
    Claim(
        name="closed-in-any-spelling",
        rows=("AT-03",),
        needs=frozenset({"tunnel", "route n8n"}),
        says="who has logged in and knows the API key reaches no webhook through the tunnel, however its path is spelt",
        observe=in_any_spelling,
        value=lambda statuses: {path for path, status in statuses.items() if status not in (302, 401, 403, 404)},
        expected=lambda _: set(),
        spoil=lambda statuses: {**statuses, "/WEBHOOK/queue/ack": 400},
    ),
    Claim(
        name="webhooks-by-token",
        rows=("S2-40", "S2-41"),
        needs=frozenset({"tunnel", "route n8n"}),
        says="a service token reaches n8n through the tunnel at its webhooks, and not its editor",
        observe=with_token,
        expected=lambda _: (True, True),
        broken="claim zero-trust-on: the same path without the token",
    ),
    Claim(
        name="people-log-in",
        rows=("S2-39",),
        needs=frozenset({"tunnel", "route n8n"}),
        says="a person whom the settings name reaches n8n's editor after a login; a stranger gets no session",
        observe=logins,
        expected=lambda _: {"named": 200, "sessions of a stranger": 0},
        broken="claim zero-trust-on: the same page without a session",
    ),
    Claim(
        name="dashboard-on-and-off",
        rows=("S2-42",),
        needs=frozenset({"tunnel", "route jett", "vpn"}),
        says="the dashboard's name leads through the VPN to the local machine; while it is off, visitors hear it soon",
        observe=dashboard,
        value=lambda answers: {name: (status, seconds < _OFFLINE) for name, (status, seconds) in answers.items()},
        expected=lambda _: {"nothing there": (502, True), "there": (200, True), "off": (502, True)},
        spoil=lambda answers: {**answers, "off": (502, 30.0)},
    ),
    Claim(
        name="heartbeat-is-taken",
        rows=("S2-45", "S2-46"),
        needs=frozenset({"service n8n", "vpn"}),
        says="n8n takes the heartbeat of the local machine",
        observe=heartbeat,
        expected=lambda _: (200, 404),
        broken="the second call of the same observation: a webhook that nobody has",
    ),
)
