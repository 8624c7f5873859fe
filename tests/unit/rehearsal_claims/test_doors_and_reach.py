"""What the claims on doors and on reachability make of what they see, and their probes on this machine."""

from __future__ import annotations

import socket
from dataclasses import replace
from types import SimpleNamespace

import pytest

from rehearsal.claims import doors, reach, updates
from rehearsal.claims.expected import ExpectedAnswer, ExpectedDoor, ExpectedRoute, expected
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


OF_ANSWERS = {claim.name: claim for claim in doors.CLAIMS}["programs-answer-for-themselves"]
WRONG = ExpectedAnswer(
    status=401, says="the signature is wrong", path="/take", method="POST", headers={"X-Signature": "0"}, body="{}"
)
RELAYED = {
    "relay": ExpectedRoute(doors=(ExpectedDoor(kind="itself", paths=("/take",)), ExpectedDoor(kind="closed"))),
    "works": ExpectedRoute(doors=(ExpectedDoor(kind="itself"),), service="works", probe="/health"),
}


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


class Relaying(Host):
    """A host of two names, one of them with no service of its own behind it, that answer as they must or as said."""

    def __init__(self, relay=None, works=None, answers=None):
        system = replace(expected("jett"), routes=RELAYED, answers=answers or {"relay": WRONG, "of no route": WRONG})
        super().__init__(system)
        self.asked = []
        self._relay = relay or {"status": 401, "body": '{"error": "the signature is wrong"}'}
        self._works = works or OK

    def visit(self, hostname, path="/", *, method="GET", body="", **headers):
        self.asked.append((hostname, path, method, body, headers))
        if hostname == "works.example.com":
            return self._works
        return self._relay if path == "/take" else NOT_FOUND


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
    claim = {claim.name: claim for claim in doors.CLAIMS}["doors"]

    assert state == check(claim, Proxied(change)).state


@pytest.mark.parametrize(
    ("answer", "route", "verdict"),
    [
        ({"status": 302, "headers": {"Location": "https://t.cloudflareaccess.com/x"}, "body": ""}, {}, "refused"),
        ({"status": 302, "headers": {"Location": "/dashboard"}, "body": ""}, {"service": "n8n"}, "through"),
        *(({"status": status, "body": ""}, {}, "nobody behind it") for status in (502, 503, 504, 530)),
        ({"status": 502, "body": ""}, {"service": "n8n"}, "nobody behind it"),
        ({"status": 502, "body": ""}, {"peer": "local"}, "through"),
        ({"status": 502, "body": ""}, {"service": "n8n", "guest": True}, "through"),
    ],
)
def test_a_redirect_of_the_software_itself_is_no_refusal_and_only_a_device_or_a_guest_may_be_off(
    answer, route, verdict
):
    assert verdict == doors.verdict(ExpectedRoute(doors=(), **route), answer)


GONE = {"status": 502, "body": "relay.example.com: the host behind this name does not answer"}


@pytest.mark.parametrize(
    ("answers", "doors_state", "state"),
    [
        ({}, "passed", "passed"),
        ({"relay": GONE}, "failed", "failed"),
        *(({"relay": {**GONE, "status": status}}, "failed", "failed") for status in (503, 504)),
        ({"relay": {"status": 0, "error": "refused"}}, "failed", "failed"),
        # Of its own proxy, or of the other host's: neither is the program.
        *(({"relay": {"status": status, "body": ""}}, "passed", "failed") for status in (401, 403, 404)),
        ({"relay": {"status": 404, "body": "the signature is wrong"}}, "passed", "failed"),
        ({"relay": {"status": 202, "body": '{"status": "queued"}'}}, "passed", "failed"),
        ({"works": {"status": 404, "body": "no such page"}}, "passed", "failed"),
        ({"works": GONE}, "failed", "failed"),
    ],
)
def test_a_name_without_a_service_of_its_own_has_the_very_program_behind_it(answers, doors_state, state):
    of_doors = {claim.name: claim for claim in doors.CLAIMS}["doors"]
    result = check(OF_ANSWERS, Relaying(**answers))

    assert state == result.state, f"expected {result.expected} got {result.got}"
    assert doors_state == check(of_doors, Relaying(**answers)).state, "what anybody in the way may have said is no more"
    assert "refused" == check(OF_ANSWERS, Relaying()).control


def test_it_is_asked_as_declared_and_only_by_names_that_are_there():
    host = Relaying()
    check(OF_ANSWERS, host)

    assert [
        ("relay.example.com", "/take", "POST", "{}", {"X_Signature": "0"}),
        ("works.example.com", "/health", "GET", "", {}),
    ] == host.asked
    assert "answers" not in replace(expected("jett"), answers={"of no route": WRONG}).has, "there is nothing to ask"


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


class OneOnIPv6(Host):
    """A container of another network reaches `postgres`, by an address that the description does not have."""

    def __init__(self):
        super().__init__()
        self.peer = SimpleNamespace(address=lambda: "203.0.113.9", sink=lambda _: SimpleNamespace(stop=lambda: None))

    def containers(self):
        of = {"n8n": {"IPAddress": "10.1.0.2"}, "postgres": {"IPAddress": "10.2.0.2", "GlobalIPv6Address": "fd00::2"}}
        return {
            name: {"State": {"Pid": number}, "NetworkSettings": {"Networks": {"its": addresses}}}
            for number, (name, addresses) in enumerate(of.items(), start=1)
        }

    def run(self, *argv, **_):
        return "LISTEN 0 4096 *:5432 *:*\n" if "2" in argv else ""


@pytest.mark.req("B-06")
def test_an_address_of_the_other_family_is_asked_too(monkeypatch):
    def asked(_argv, _probe, told):
        return [{"reached": [target for target in told["targets"] if "fd00::2" in target], "refused": []}]

    monkeypatch.setattr(reach, "run", asked)
    table = reach.matrix(OneOnIPv6())

    assert {"n8n": ("postgres",), "postgres": ()} == table.reached, "a way by IPv6 is a way"


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
