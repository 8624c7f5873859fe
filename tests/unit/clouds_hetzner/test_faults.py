"""Hetzner's own faults, the rate limit, tokens, and the state on disk."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time

import pytest

from rehearsal.clouds.kit.api import CONTROL, Call
from tests.unit.clouds_hetzner.emulated import TOKEN, Emulated

FIREWALL = {"name": "f"}


@pytest.mark.parametrize(
    ("facts", "status", "code"),
    [
        ({"status": 429}, 429, "rate_limit_exceeded"),
        ({}, 500, "server_error"),
        ({"status": 503, "code": "unavailable"}, 503, "unavailable"),
        ({"status": 423}, 423, "locked"),
        ({"status": 409}, 409, "conflict"),
    ],
)
def test_a_status_has_the_clouds_usual_code_and_its_rate_limit_headers(cloud, facts, status, code):
    cloud.fault(kind="status", **facts, method="POST", path="^/v1/firewalls$", times=2)
    assert 200 == cloud.ask("GET", "/firewalls")[0], "another request is not meant"
    for _ in range(2):
        got, answer, headers = cloud.ask("POST", "/firewalls", FIREWALL)
        assert (status, code) == (got, answer["error"]["code"])
        assert headers["RateLimit-Limit"] == "3600"
        assert (status == 429) == (headers["RateLimit-Remaining"] == "0")
    assert [] == cloud.get("/firewalls")["firewalls"]
    assert 201 == cloud.ask("POST", "/firewalls", FIREWALL)[0]


def test_a_failed_action_is_told_though_it_was_done(cloud):
    cloud.fault(kind="failed_action", path="/servers$")
    answer = cloud.make("/servers", {"name": "web", "server_type": "cx23", "image": "debian-12"})
    assert ("error", "action_failed") == (answer["action"]["status"], answer["action"]["error"]["code"]), "so it says"
    action = cloud.get(f"/actions/{answer['action']['id']}")["action"]
    assert "success" == action["status"], "the cloud itself knows better"


def test_a_slow_action_makes_progress_and_locks_its_server(cloud):
    cloud.fault(kind="slow_action", path="/servers$", seconds=0.6)
    answer = cloud.make("/servers", {"name": "one", "server_type": "cx23", "image": "debian-12"})
    action, path = answer["action"], f"/servers/{answer['server']['id']}"
    assert ("running", "initializing") == (action["status"], answer["server"]["status"])
    assert cloud.get(path)["server"]["locked"]
    assert (423, "locked") == cloud.refused("DELETE", path)
    shown = [cloud.get(f"/actions/{action['id']}")["action"]]
    while shown[-1]["status"] == "running":
        shown.append(cloud.get(f"/actions/{action['id']}")["action"])
    progress = [row["progress"] for row in shown if row["status"] == "running"]
    assert progress == sorted(progress), "it goes forward"
    assert 0 < progress[-1] <= 99, "and is whole only at its end"
    cloud.settle()
    ended = cloud.get(f"{path}/actions/{action['id']}")["action"]
    assert ("success", 100) == (ended["status"], ended["progress"])
    assert "running" == cloud.get(path)["server"]["status"]


def test_a_used_up_rate_limit_answers_429_with_its_headers(cloud):
    cloud.ask("PUT", f"{CONTROL}/rate_limit", {"per_hour": 2})
    left = [cloud.ask("GET", "/firewalls")[2]["RateLimit-Remaining"] for _ in range(2)]
    status, answer, headers = cloud.ask("GET", "/firewalls")
    assert (["1", "0"], 429, "rate_limit_exceeded") == (left, status, answer["error"]["code"])
    assert int(headers["RateLimit-Reset"]) > time.time()


def test_only_the_right_token_is_let_in():
    cloud = Emulated(tokens=("a" * 64,))
    assert (401, "unauthorized") == cloud.refused("GET", "/servers")
    assert 200 == cloud.ask("GET", "/servers", token="a" * 64)[0]
    cloud.listener.stop()


def test_a_body_that_is_no_json_object_is_refused(cloud):
    for raw in (b"{", b"[1]"):
        reply = cloud.service.answer(
            Call(method="POST", path="/v1/firewalls", authorization=f"Bearer {TOKEN}", content=raw)
        )
        assert (400, "json_error") == (reply.status, reply.body["error"]["code"])


def test_state_survives_a_restart_and_an_interrupted_action_is_an_error(tmp_path):
    path = tmp_path / "state" / "hetzner.json"
    first = Emulated(path)
    wall = first.make("/firewalls", FIREWALL)["firewall"]
    first.fault(kind="slow_action", path="/servers$", seconds=60)
    answer = first.make("/servers", {"name": "one", "server_type": "cx23", "image": "debian-12"})
    first.listener.stop()
    assert 0o600 == path.stat().st_mode & 0o777
    second = Emulated(path)
    assert [wall["id"]] == [row["id"] for row in second.get("/firewalls")["firewalls"]]
    action = second.get(f"/actions/{answer['action']['id']}")["action"]
    assert ("error", "unknown") == (
        action["status"],
        second.get(f"/servers/{answer['server']['id']}")["server"]["status"],
    )
    assert second.make("/firewalls", {"name": "g"})["firewall"]["id"] > answer["action"]["id"], "no id is given twice"
    second.listener.stop()


@pytest.mark.usefixtures("heard")
def test_the_command_prints_its_endpoint_and_refuses_other_addresses():
    refused = subprocess.run(
        [sys.executable, "-m", "rehearsal.clouds.hetzner", "--address", "192.0.2.1:0"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert (2, True, False) == (refused.returncode, "loopback" in refused.stderr, "Traceback" in refused.stderr)
    running = subprocess.Popen([sys.executable, "-m", "rehearsal.clouds.hetzner"], stdout=subprocess.PIPE, text=True)
    url = running.stdout.readline().strip()
    port = int(url.removesuffix("/v1").rsplit(":", 1)[1])
    asking = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    asking.request("GET", "/v1/locations", headers={"Authorization": f"Bearer {TOKEN}"})
    names = [row["name"] for row in json.loads(asking.getresponse().read())["locations"]]
    asking.close()
    running.terminate()
    running.wait(120)
    running.stdout.close()
    assert "fsn1" in names
