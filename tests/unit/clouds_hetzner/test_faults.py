"""Faults on request, the rate limit, the state on disk and the door."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time

import pytest

from rehearsal.clouds.hetzner.web import Door
from tests.unit.clouds_hetzner.world import TOKEN, Emulated

FIREWALL = {"name": "f"}


@pytest.mark.parametrize(
    ("facts", "status", "code"),
    [
        ({"kind": "rate_limit"}, 429, "rate_limit_exceeded"),
        ({"kind": "error"}, 500, "server_error"),
        ({"kind": "error", "status": 503, "code": "unavailable"}, 503, "unavailable"),
        ({"kind": "locked"}, 423, "locked"),
        ({"kind": "conflict"}, 409, "conflict"),
    ],
)
def test_a_fault_is_answered_as_often_as_ordered_and_nothing_is_done(cloud, facts, status, code):
    cloud.fault(**facts, method="POST", path="^/v1/firewalls$", times=2)
    assert 200 == cloud.ask("GET", "/firewalls")[0], "another request is not meant"
    for _ in range(2):
        got, answer, headers = cloud.ask("POST", "/firewalls", FIREWALL)
        assert (status, code) == (got, answer["error"]["code"])
        assert headers["RateLimit-Limit"] == "3600"
    assert [] == cloud.get("/firewalls")["firewalls"]
    assert 201 == cloud.ask("POST", "/firewalls", FIREWALL)[0]


@pytest.mark.parametrize(("kind", "done"), [("lost_answer", 1), ("drop", 0), ("hang", 0)])
def test_a_connection_that_closes_without_an_answer(cloud, kind, done):
    cloud.fault(kind=kind, method="POST", seconds=0.2)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionError, OSError)):
        cloud.ask("POST", "/firewalls", FIREWALL)
    assert done == len(cloud.get("/firewalls")["firewalls"])


def test_a_slow_action_makes_progress_and_locks_its_server(cloud):
    cloud.fault(kind="slow_action", path="/servers$", seconds=0.6)
    answer = cloud.make("/servers", {"name": "one", "server_type": "cx22", "image": "debian-12"})
    action, path = answer["action"], f"/servers/{answer['server']['id']}"
    assert ("running", "initializing") == (action["status"], answer["server"]["status"])
    assert cloud.get(path)["server"]["locked"]
    assert (423, "locked") == cloud.refused("DELETE", path)
    time.sleep(0.3)
    assert 20 <= cloud.get(f"/actions/{action['id']}")["action"]["progress"] <= 99
    cloud.settle()
    ended = cloud.get(f"{path}/actions/{action['id']}")["action"]
    assert ("success", 100) == (ended["status"], ended["progress"])
    assert "running" == cloud.get(path)["server"]["status"]


def test_a_used_up_rate_limit_answers_429_with_its_headers(cloud):
    cloud.ask("PUT", "/_control/rate_limit", {"per_hour": 2})
    left = [cloud.ask("GET", "/firewalls")[2]["RateLimit-Remaining"] for _ in range(2)]
    status, answer, headers = cloud.ask("GET", "/firewalls")
    assert (["1", "0"], 429, "rate_limit_exceeded") == (left, status, answer["error"]["code"])
    assert int(headers["RateLimit-Reset"]) > time.time()


def test_latency_delays_every_answer(cloud):
    cloud.ask("PUT", "/_control/latency", {"seconds": 0.2})
    begun = time.monotonic()
    cloud.get("/locations")
    assert 0.2 <= time.monotonic() - begun


def test_an_order_that_makes_no_sense_is_refused(cloud):
    for facts in ({"kind": "earthquake"}, {"kind": "drop", "path": "("}, {"kind": "drop", "colour": 1}):
        assert 422 == cloud.ask("POST", "/_control/faults", facts)[0]


def test_only_the_right_token_is_let_in():
    cloud = Emulated(tokens=("a" * 64,))
    assert (401, "unauthorized") == cloud.refused("GET", "/servers")
    assert 200 == cloud.ask("GET", "/servers", token="a" * 64)[0]
    cloud.door.stop()


def test_a_body_that_is_no_json_object_is_refused(cloud):
    for raw in (b"{", b"[1]"):
        reply = cloud.service.answer("POST", "/v1/firewalls", "", TOKEN, raw)
        assert (400, "json_error") == (reply.status, reply.body["error"]["code"])


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::"])
def test_the_door_opens_on_loopback_only(cloud, host):
    with pytest.raises(ValueError, match="no loopback address"):
        Door(cloud.service, host)


def test_state_survives_a_restart_and_an_interrupted_action_is_an_error(tmp_path):
    path = tmp_path / "state" / "hetzner.json"
    first = Emulated(path)
    wall = first.make("/firewalls", FIREWALL)["firewall"]
    first.fault(kind="slow_action", path="/servers$", seconds=60)
    answer = first.make("/servers", {"name": "one", "server_type": "cx22", "image": "debian-12"})
    first.door.stop()
    assert 0o600 == path.stat().st_mode & 0o777
    second = Emulated(path)
    assert [wall["id"]] == [row["id"] for row in second.get("/firewalls")["firewalls"]]
    action = second.get(f"/actions/{answer['action']['id']}")["action"]
    assert ("error", "unknown") == (
        action["status"],
        second.get(f"/servers/{answer['server']['id']}")["server"]["status"],
    )
    assert second.make("/firewalls", {"name": "g"})["firewall"]["id"] > answer["action"]["id"], "no id is given twice"
    second.door.stop()


def test_the_command_prints_its_endpoint_and_refuses_other_addresses():
    refused = subprocess.run(
        [sys.executable, "-m", "rehearsal.clouds.hetzner", "--host", "192.0.2.1"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (2, True, False) == (refused.returncode, "loopback" in refused.stderr, "Traceback" in refused.stderr)
    running = subprocess.Popen([sys.executable, "-m", "rehearsal.clouds.hetzner"], stdout=subprocess.PIPE, text=True)
    url = running.stdout.readline().strip()
    port = int(url.removesuffix("/v1").rsplit(":", 1)[1])
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    asking.request("GET", "/v1/locations", headers={"Authorization": f"Bearer {TOKEN}"})
    names = [row["name"] for row in json.loads(asking.getresponse().read())["locations"]]
    asking.close()
    running.terminate()
    running.wait(10)
    running.stdout.close()
    assert "fsn1" in names
