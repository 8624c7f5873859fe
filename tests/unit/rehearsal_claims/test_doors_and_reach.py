"""What the claims on doors and on reachability make of what they see, and their probes on this machine."""

from __future__ import annotations

import socket
from dataclasses import replace

import pytest

from rehearsal.claims import doors, reach, updates
from rehearsal.claims.expected import ExpectedDoor, ExpectedRoute, expected
from rehearsal.claims.run import check
from rehearsal.probes.box import run
from tests.unit.rehearsal_claims.described import Host

DOORS = (
    ExpectedDoor(kind="closed", paths=("/admin/*",)),
    ExpectedDoor(kind="api-key", paths=("/hook/*",), header="X-API-Key", secret="key"),
    ExpectedDoor(kind="open", paths=("/public/*",)),
    ExpectedDoor(kind="itself", paths=("/tools/*",)),
    ExpectedDoor(kind="basic", user="admin", secret="password"),
)
KEYS = {"/hook": ("X_API_Key", "k"), "/": ("Authorization", "Basic YWRtaW46cA==")}
OK, NOT_FOUND, REFUSED = ({"status": status, "body": body} for status, body in ((200, "hello"), (404, ""), (401, "")))


def always(answer):
    return lambda _: answer


class Proxied(Host):
    """A host whose proxy asks for the keys above, but for what a test changes."""

    def __init__(self, change=None):
        super().__init__(replace(expected("jett"), routes={"app": ExpectedRoute(doors=DOORS, service="n8n")}))
        self.secrets = {"key": "k", "password": "p"}
        self._change = change or {}

    def visit(self, _, path="/", **headers):
        start = next(start for start in ("/admin", "/hook", "/public", "/tools", "/") if path.startswith(start))
        if start in self._change:
            return self._change[start](headers)
        if start == "/admin":
            return NOT_FOUND
        name, value = KEYS.get(start, ("", ""))
        return OK if headers.get(name, "") == value else REFUSED


@pytest.mark.parametrize(
    ("change", "state"),
    [
        ({}, "passed"),
        ({"/hook": lambda headers: OK if "X_API_Key" in headers else REFUSED}, "failed"),  # any key at all
        ({"/hook": lambda headers: OK if "Authorization" in headers else REFUSED}, "failed"),  # another door's key
        ({"/hook": always(REFUSED)}, "failed"),  # nobody comes in
        ({"/hook": always({"status": 502, "body": ""})}, "failed"),  # nothing is behind it
        ({"/hook": always({"status": 0, "error": "refused"})}, "failed"),
        ({"/": always(OK)}, "failed"),
        ({"/tools": always(REFUSED)}, "passed"),  # the service behind asks, not the proxy
        ({"/tools": always({"status": 502, "body": ""})}, "failed"),
        ({"/admin": always(OK)}, "failed"),
        ({"/admin": always({"status": 404, "body": "n8n says: no such page"})}, "failed"),
        ({"/public": always(REFUSED)}, "failed"),
    ],
)
def test_a_door_opens_to_its_own_key_and_to_no_other(change, state):
    (claim,) = doors.CLAIMS

    assert state == check(claim, Proxied(change)).state


@pytest.mark.parametrize(
    ("answer", "service", "verdict"),
    [
        ({"status": 302, "headers": {"Location": "https://t.cloudflareaccess.com/x"}, "body": ""}, "n8n", "refused"),
        ({"status": 302, "headers": {"Location": "/dashboard"}, "body": ""}, "n8n", "through"),
        ({"status": 502, "headers": {}, "body": ""}, "", "through"),
    ],
)
def test_a_redirect_of_the_software_itself_is_no_refusal_and_a_member_may_be_off(answer, service, verdict):
    assert verdict == doors.verdict(ExpectedRoute(doors=(), service=service), answer)


MATRIX = reach.Matrix(
    listening=("n8n", "portainer", "postgres", "qdrant", "uptime-kuma"),
    reached={
        "n8n": ("postgres", "qdrant", "uptime-kuma"),
        "portainer": (),
        "postgres": ("n8n", "qdrant", "uptime-kuma"),
        "qdrant": ("n8n", "postgres", "uptime-kuma"),
        "uptime-kuma": ("n8n", "postgres", "qdrant"),
    },
    out={"n8n": True, "portainer": True, "postgres": False, "qdrant": False, "uptime-kuma": True},
)


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({}, ""),
        ({"reached": {**MATRIX.reached, "n8n": ("portainer", "postgres", "qdrant", "uptime-kuma")}}, "though apart"),
        ({"reached": {**MATRIX.reached, "n8n": ("qdrant", "uptime-kuma")}}, "though together"),
        ({"out": {**MATRIX.out, "postgres": True}}, "reached the outside"),
        ({"out": {**MATRIX.out, "n8n": False}}, "did not reach the outside"),
    ],
)
def test_each_difference_from_the_networks_is_named(change, word):
    (claim,) = reach.CLAIMS
    seen = replace(MATRIX, **change)
    result = check(replace(claim, observe=lambda view: (view, seen)), Host())

    assert ("failed" if word else "passed") == result.state
    assert word in result.got


def test_the_control_is_seen_also_where_all_reach_all_others_and_the_outside():
    (claim,) = reach.CLAIMS
    table = reach.Matrix(listening=("a", "b"), reached={"a": ("b",), "b": ("a",)}, out={"a": True, "b": True})
    _, spoiled = claim.spoil((Host(), table))

    assert {"a": False, "b": False} == spoiled.out, "a control that changes nothing makes the claim worthless"


def test_the_second_preview_counts_only_where_somebody_asked_for_it():
    (claim,) = updates.CLAIMS
    states = {}
    for said in ("empty", "changes", ""):
        host = Host()
        host.second_preview = said
        states[said] = check(claim, host).state

    assert {"empty": "passed", "changes": "failed", "": "error"} == states


def test_the_probe_of_reachability_tells_an_open_port_from_a_closed_one():
    with socket.create_server(("127.0.0.1", 0)) as open_one, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        there, not_there = list(open_one.getsockname()), list(closed.getsockname())

        found = {"reached": [there], "refused": [not_there]}
        assert [found] == run([], "reach", {"targets": [there, not_there]})
