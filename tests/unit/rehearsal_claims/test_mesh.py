"""What the claims on names for members, and on heartbeats, make of answers."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import pytest

from rehearsal.claims import mesh
from rehearsal.claims.expected import ExpectedDoor, ExpectedHeartbeat, ExpectedRoute, expected
from rehearsal.claims.run import check
from rehearsal.probes.box import run
from tests.support.scratch import free_port
from tests.unit.rehearsal_claims.described import Host

CLAIM = {claim.name: claim for claim in mesh.CLAIMS}["names-for-members"]
OF_HEARTBEATS = {claim.name: claim for claim in mesh.CLAIMS}["heartbeats-arrive"]
DOORS = (ExpectedDoor(kind="members"),)
HUB = "198.18.0.30"
RELAY = ExpectedRoute(doors=(ExpectedDoor(kind="itself", paths=("/webhook/*",)), ExpectedDoor(kind="closed")))
PUSH = ExpectedHeartbeat(route="plain", path="/push/nobody", user="backup")
TOLD = {"status": 200, "body": "a page"}


def by_its_proxies(address, tls_name, host, path, _):
    """The hub's proxy, at whose address all ask: it has the relay's certificate alone, and its one open path."""
    assert address == HUB
    if tls_name != "hook.example.com":
        return {"status": 0, "error": "SSLError: internal error"}
    if host != tls_name:
        return {"status": 421, "body": ""}
    return {"status": 404, "body": "no such webhook"} if path.startswith("/webhook/") else {"status": 404, "body": ""}


class Meshed(Host):
    """A host with a page whose health address is known and one without, and a proxy that answers as a test says.

    Another host has a relay, by which strangers come.
    """

    def __init__(self, member=lambda _: 200, stranger=lambda _: 403, relay=by_its_proxies, public=True, call=None):
        routes = {
            "app": ExpectedRoute(doors=DOORS, service="app", probe="/healthz"),
            "plain": ExpectedRoute(doors=DOORS, service="plain"),
        }
        super().__init__(replace(expected("jett"), routes=routes, heartbeat=PUSH))
        self.name, self.mesh = "ai", {"ai": "100.64.0.1", "hub": "100.64.0.2"}
        self.machines = {"ai": ([], ("198.18.0.10", "fd00::1")), "hub": ([], (HUB, "fd00::2"))}
        hub = replace(self.expected, routes={"hook": RELAY} if public else {})
        self.systems = {"ai": self.expected, "hub": hub}
        self._member, self._stranger, self._relay, self._call = member, stranger, relay, call

    def visit(self, *_, **headers):
        return {"status": self._stranger(headers)}

    def visit_all(self, requests):
        asked = []
        for about in requests:
            url, headers = urlsplit(about["url"]), dict(about["headers"])
            asked.append((url.hostname, about["server_name"], headers.pop("Host"), url.path, headers))
        return [self._relay(*each) for each in asked]

    def visit_as_member(self, hostname, path="/"):
        answer = self._member(f"{hostname}{path}")
        return answer if isinstance(answer, dict) else {"status": answer, "body": "what a service says"}

    def run(self, *argv, **more):
        if argv[0] != "runuser":
            return super().run(*argv, **more)
        user, url, roots = argv[2], *argv[-2:]
        return json.dumps(self._call(user, url, roots))


def answering(url, status):
    return lambda asked: status if asked == url else 200


@pytest.mark.parametrize(
    ("changed", "state"),
    [
        ({}, "passed"),
        ({"stranger": lambda headers: 200 if headers else 403}, "failed"),
        ({"stranger": lambda _: 502}, "failed"),
        ({"member": lambda _: 403}, "failed"),
        *(({"member": answering("app.example.com/healthz", each)}, "failed") for each in (0, 302, 404, 502)),
        ({"member": answering("app.example.com/", 404)}, "passed"),  # its health is asked, not its page
        *(({"member": answering("plain.example.com/", each)}, "failed") for each in (0, 403, 502, 503, 504)),
        *(({"member": answering("plain.example.com/", each)}, "passed") for each in (302, 401, 404)),
        ({"member": answering("plain.example.com/", {"status": 404, "body": ""})}, "failed"),  # the proxy's own
    ],
)
def test_strangers_get_403_and_members_an_answer_of_a_service_that_works(changed, state):
    result = check(CLAIM, Meshed(**changed))
    assert state == result.state, f"expected {result.expected} got {result.got}"


def where(meets, answer, otherwise=by_its_proxies):
    """The hub's proxy, but that it says something else to what `meets` is true of."""
    return lambda *asked: answer if meets(*asked) else otherwise(*asked)


@pytest.mark.parametrize(
    ("meets", "way"),
    [
        (lambda _, tls, host, *__: tls == host == "app.example.com", f"at {HUB}"),
        (lambda _, tls, host, *__: (tls, host) == ("hook.example.com", "plain.example.com"), "by hook.example.com"),
        (lambda _, tls, host, __, headers: "X-Forwarded-For" in headers and tls != host, "by hook.example.com, forged"),
        (
            lambda *asked: "X-Forwarded-Host" in asked[-1] and asked[1] == asked[2] == "hook.example.com",
            "as hook.example.com, forged",
        ),
        (lambda *asked: asked[-1].get("X-Forwarded-Host") == "app.example.com" == asked[2], f"at {HUB}, forged"),
    ],
)
@pytest.mark.parametrize(
    "answer", [TOLD, {"status": 302, "body": ""}, {"status": 404, "body": "its page"}, {**TOLD, "status": 502}]
)
def test_what_a_stranger_gets_by_a_public_name_is_seen_whatever_it_is(meets, way, answer):
    result = check(CLAIM, Meshed(relay=where(meets, answer)))

    assert "failed" == result.state, result.got
    assert f"'{way}: {answer['status']}'" in result.got


def test_each_name_is_asked_for_by_each_public_name_with_and_without_forged_headers_at_an_open_path():
    asked = []
    check(CLAIM, Meshed(relay=lambda *each: (asked.append(each), by_its_proxies(*each))[1]))
    of_one = [
        (tls, host, path, "X-Forwarded-For" in headers) for _, tls, host, path, headers in asked if "app" in tls + host
    ]

    relay, app = "hook.example.com", "app.example.com"
    assert [(tls, app, "/healthz", forged) for forged in (False, True) for tls in (app, relay)] == of_one
    assert {"/webhook/claim-whoever-asks"} == {path for _, tls, host, path, _ in asked if tls == host == relay}
    assert {"100.64.0.2"} == {headers["X-Real-IP"] for *_, headers in asked if headers}, "another member's address"


def test_where_no_public_name_is_known_or_answers_it_has_not_passed():
    assert "error" == check(CLAIM, Meshed(public=False)).state
    silent = check(CLAIM, Meshed(relay=lambda *_: {"status": 0, "error": "refused"}))
    assert "failed" == silent.state and "as hook.example.com: no answer" in silent.got


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ({"status": 404, "body": '{"ok":false}'}, "passed"),
        ({"status": 200, "body": '{"ok":true}'}, "passed"),
        *(({"status": status, "body": ""}, "failed") for status in (403, 404, 500, 502)),
        ({"status": 0, "body": "CERTIFICATE_VERIFY_FAILED"}, "failed"),
    ],
)
def test_a_heartbeat_comes_to_the_service_that_hears_of_it(answer, state):
    result = check(OF_HEARTBEATS, Meshed(call=lambda *_: answer))

    assert state == result.state
    assert answer["body"] in result.got or state == "passed", "what is wrong is said"
    assert "refused" == check(OF_HEARTBEATS, Meshed(call=lambda *_: TOLD)).control


def test_a_heartbeat_is_called_as_the_backups_user_by_its_name_and_the_worlds_authority():
    asked = []
    host = Meshed(call=lambda *each: (asked.append(each), TOLD)[1])
    host.authority = "the roots"
    check(OF_HEARTBEATS, host)

    assert [("backup", "https://plain.example.com/push/nobody", "the roots")] == asked


class Answering(BaseHTTPRequestHandler):
    def do_GET(self):
        status = int(self.path.rpartition("/")[2])
        self.send_response(status)
        self.end_headers()
        self.wfile.write(b"said")

    def log_message(self, *_):
        pass


def test_the_call_itself_tells_every_answer_apart():
    with ThreadingHTTPServer(("127.0.0.1", 0), Answering) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        port, closed = server.server_port, free_port()
        urls = [f"http://127.0.0.1:{port}/200", f"http://127.0.0.1:{port}/404", f"http://127.0.0.1:{closed}/200"]
        said = [
            json.loads(
                subprocess.run([sys.executable, "-c", mesh._CALL, url, ""], capture_output=True, check=True).stdout
            )
            for url in urls
        ]
        requests = [{"url": url} for url in urls]
        several = run([], "fetch", {"requests": requests})
        (alone,) = run([], "fetch", requests[1])
        server.shutdown()

    assert [(200, "said"), (404, "said")] == [(answer["status"], answer["body"]) for answer in said[:2]]
    assert said[2]["status"] == 0 and "refused" in said[2]["body"]
    assert [200, 404, 0] == [answer["status"] for answer in several], "in their order"
    assert 404 == alone["status"]


def test_the_picture_in_which_it_does_not_hold_is_refused():
    assert "refused" == check(CLAIM, Meshed()).control
