"""What every emulated cloud has: the same faults in the same words, control calls, a journal, a store, loopback."""

from __future__ import annotations

import http.client
import json
import threading
import time
from urllib.parse import urlsplit

import pytest

from rehearsal.clouds.kit.api import CONTROL
from rehearsal.clouds.kit.faults import KINDS
from rehearsal.clouds.kit.listener import Handler, Listener, NotLoopbackError, loopback
from rehearsal.clouds.kit.store import Store
from tests.support.cloudflare import TOKEN as CLOUDFLARE_TOKEN
from tests.support.cloudflare import ZONE, Cloud
from tests.unit.clouds_hetzner.emulated import TOKEN as HCLOUD_TOKEN
from tests.unit.clouds_hetzner.emulated import Emulated


class Asked:
    """A cloud, and one object of it that can be made and listed."""

    def __init__(self, url, token, path, body, listed):
        self.url, self.headers = urlsplit(url), {"Authorization": f"Bearer {token}"}
        self.path, self.body, self._listed = self.url.path + path, body, listed

    def ask(self, method, path, body=None):
        link = http.client.HTTPConnection(self.url.hostname, self.url.port, timeout=120)
        try:
            link.request(method, path, None if body is None else json.dumps(body), self.headers)
            answer = link.getresponse()
            return answer.status, answer.read(), answer.headers
        finally:
            link.close()

    def make(self):
        return self.ask("POST", self.path, self.body)

    def count(self):
        return len(json.loads(self.ask("GET", self.path)[1])[self._listed])

    def control(self, method, path, body=None):
        status, content, _ = self.ask(method, CONTROL + path, body)
        assert 200 == status, content
        return json.loads(content)

    def fault(self, kind, **more):
        self.control("POST", "/faults", {"kind": kind, "method": "POST", **more})


@pytest.fixture(params=["hetzner", "cloudflare"])
def cloud(request, tmp_path):
    if request.param == "hetzner":
        emulated = Emulated()
        yield Asked(emulated.listener.url, HCLOUD_TOKEN, "/firewalls", {"name": "f"}, "firewalls")
        emulated.listener.stop()
    else:
        emulated = Cloud(tmp_path)
        body = {"type": "A", "name": "app", "content": "192.0.2.1", "ttl": 60}
        url = emulated.emulator.api_url
        yield Asked(url, CLOUDFLARE_TOKEN, f"/zones/{ZONE}/dns_records", body, "result")
        emulated.emulator.close()


@pytest.mark.parametrize(("kind", "done"), [("timeout", 0), ("reset", 0), ("lost", 1), ("truncated", 1)])
def test_a_connection_that_ends_without_an_answer_leaves_the_call_done_or_undone(cloud, kind, done):
    cloud.fault(kind, seconds=0.05)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        cloud.make()
    assert done == cloud.count(), f"{kind}: {KINDS[kind]}"


def test_an_error_is_answered_as_often_as_ordered_after_the_calls_that_pass_and_nothing_is_done(cloud):
    cloud.fault("status", status=503, path="/none-such$")
    cloud.fault("status", status=503, retry_after=2, times=2, skip=1)
    cloud.make()
    for _ in range(2):
        status, content, headers = cloud.make()
        assert (503, "2") == (status, headers["Retry-After"]), "the second and the third are struck"
        assert json.loads(content), "in the cloud's own words"
    assert 1 == cloud.count(), "nothing is done, and a call of another method is not struck"
    rows = [row["status"] for row in cloud.control("GET", "/journal") if row["method"] == "POST"]
    assert [503, 503] == rows[1:], "the journal has them"
    assert 1 == len(cloud.control("GET", "/faults")["faults"]), "only the fault of another path still waits"


@pytest.mark.parametrize(
    ("fault", "kind", "content"),
    [
        ({"kind": "html", "status": 502}, "text/html", b"<html>"),
        ({"kind": "status", "status": 502, "code": ""}, None, b""),
    ],
)
def test_a_proxys_answer_has_nothing_of_the_cloud(cloud, fault, kind, content):
    cloud.fault(**fault)
    status, body, headers = cloud.make()
    assert (502, kind, None) == (status, headers["Content-Type"], headers["RateLimit-Limit"]), "no JSON, no headers"
    assert body.startswith(content) and bool(body) == bool(content), "a page, or nothing at all"


def test_latency_and_a_slow_call_add_up_until_both_are_cleared(cloud):
    cloud.fault("slow", seconds=0.2)
    cloud.control("PUT", "/latency", {"seconds": 0.1})
    begun = time.monotonic()
    assert cloud.make()[0] in (200, 201), "late but right"
    assert 0.3 <= time.monotonic() - begun, "both delays"
    cloud.control("DELETE", "/faults")
    assert {"faults": [], "latency": 0.0} == cloud.control("GET", "/faults"), "cleared"


@pytest.mark.parametrize(
    "fault", [{"kind": "earthquake"}, {"kind": "reset", "path": "("}, {"kind": "reset", "colour": 1}, {}]
)
def test_a_fault_that_makes_no_sense_is_refused_with_its_reason(cloud, fault):
    status, content, _ = cloud.ask("POST", f"{CONTROL}/faults", fault)
    assert (400, True) == (status, bool(json.loads(content)["error"])), "and nothing waits"
    assert 404 == cloud.ask("GET", f"{CONTROL}/nothing")[0], "nor is there any other control call"


def test_a_cleared_journal_is_empty(cloud):
    cloud.make()
    cloud.control("DELETE", "/journal")
    assert [] == cloud.control("GET", "/journal"), "control calls are not written down"


def test_a_draft_that_fails_changes_nothing_and_numbers_are_never_given_twice(tmp_path):
    path = tmp_path / "state" / "cloud.json"
    store = Store(path, ("rows",), int)
    number = store.new_id("rows")
    with store.change() as data:
        data["rows"][number] = {"name": "kept"}
    with pytest.raises(RuntimeError), store.change() as data:
        data["rows"].clear()
        raise RuntimeError
    again = Store(path, ("rows",), int)
    assert {number: {"name": "kept"}} == again.all("rows") == store.all("rows"), "in memory and on disk"
    assert number < again.new_id("rows"), "also after a restart"
    assert 0o600 == path.stat().st_mode & 0o777, "keys and user data are nobody else's business"


def test_a_state_of_an_older_rehearsal_is_still_read(tmp_path):
    path = tmp_path / "state.json"
    path.write_text(json.dumps({"zones": {"z": {"name": "example.com"}}, "clock": {"ahead": 5.0}}))
    assert "example.com" == Store(path, ("zones", "clock")).get("zones", "z")["name"], "with its tables at the top"


@pytest.mark.parametrize("address", ["0.0.0.0:0", "192.0.2.1:0", "[::]:0", "localhost:0", "127.0.0.1", ":80"])
def test_nothing_but_loopback_is_listened_on(address):
    with pytest.raises(NotLoopbackError, match="no loopback address"):
        Listener(address, Handler)


def test_the_network_of_the_machines_is_for_those_who_ask_for_it():
    assert ("198.18.7.1", 7844) == loopback("198.18.7.1:7844", machines=True), "the edge"
    with pytest.raises(NotLoopbackError):
        loopback("198.18.7.1:443")


def test_many_calls_at_once_each_get_their_answer(cloud):
    statuses = []
    threads = [threading.Thread(target=lambda: statuses.append(cloud.ask("GET", cloud.path)[0])) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [200] * 20 == statuses, "the listener serves all of them"
