"""Tunnel, Access and names by the real engine on the emulated Cloudflare, with the packed connector.

From nothing to nothing.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from homeport.cli.cloudflare import client, orphans, remove
from rehearsal.clouds.cloudflare.decide import COOKIE
from tests.support.cloudflare import ACCOUNT, TOKEN, ZONE, Cloud, origin
from tests.support.tunnel_stack import Stack, guard
from tests.support.waits import until
from toolchain.cloudflared.pack import pack

pytestmark = pytest.mark.world
N8N, JETT = "n8n.example.com", "jett.example.com"


@pytest.fixture(scope="module")
def dead():
    """An address that takes no connection and refuses none, as a machine in the VPN that is off."""
    door = socket.socket()
    door.bind(("127.0.0.1", 0))
    door.listen(0)
    callers = []
    for _ in range(3):
        caller = socket.socket()
        caller.setblocking(False)
        caller.connect_ex(door.getsockname())
        callers.append(caller)
    yield f"http://127.0.0.1:{door.getsockname()[1]}"
    for one in (*callers, door):
        one.close()


@pytest.fixture(scope="module")
def stack(tmp_path_factory, dead):
    with origin() as (service, seen):
        folder = tmp_path_factory.mktemp("tunnel")
        doors = [
            {
                "name": "n8n",
                "hostname": N8N,
                "origin": service,
                "guards": [guard("service-token", "/webhook/*"), guard("login")],
            },
            {"name": "jett", "hostname": JETT, "origin": dead, "far": True, "guards": [guard("login")]},
        ]
        made = Stack(folder, Cloud(folder / "cloud"), doors)
        made.seen = seen
        yield made
        made.cloud.emulator.close()


@pytest.fixture(scope="module")
def connected(stack, tmp_path_factory):
    """The stack up, and the packed connector run by the files that it wrote."""
    stack.up()
    folder = tmp_path_factory.mktemp("host")
    pack(folder / "cloudflared")
    for path, one in stack.files().items():
        (folder / Path(path).name).write_text(one["content"])
    (credentials,) = [Path(path).name for path in stack.files() if path.endswith(".json")]
    words = ["tunnel", "--config", str(folder / "config.yml"), "--cred-file", str(folder / credentials), "run"]
    environ = {**os.environ, "TUNNEL_EDGE": stack.cloud.emulator.tunnel, "TUNNEL_METRICS": "127.0.0.1:0"}
    running = subprocess.Popen([sys.executable, str(folder / "cloudflared"), *words], env=environ, cwd=folder)
    tunnel = credentials.removesuffix(".json")
    until(lambda: len(stack.cloud.emulator.hub.links(tunnel)) == 4, "four connections")
    yield stack
    running.kill()
    running.wait()


def test_a_lost_answer_fails_by_name_and_after_the_repair_there_is_one_of_each(stack):
    stack.cloud.control("POST", "/faults", {"kind": "lost", "method": "POST", "path": "cfd_tunnel", "times": 9})
    assert "failed to make http request" in stack.up(fails=True)
    stack.cloud.control("DELETE", "/faults")
    assert "already have a tunnel with this name" in stack.up(fails=True), "for ever, without the repair"

    api = client(TOKEN, stack.cloud.emulator.api_url)
    unknown = orphans(stack.state(), api, ACCOUNT, ZONE)
    assert ["tunnel"] == [orphan.kind for orphan in unknown], "what the state does not know, and nothing else"
    remove(unknown, api)
    stack.up()

    wanted = {"tunnels": 1, "records": 2, "apps": 3, "policies": 2, "service_tokens": 1, "identity_providers": 1}
    assert wanted == stack.there(), "one of each"
    assert [] == orphans(stack.state(), api, ACCOUNT, ZONE), "all of it known"
    stack.unchanged()


@pytest.mark.req("S2-35", "S2-36", "S2-38", "S2-39", "S2-40")
def test_visitors_come_in_by_the_files_that_the_stack_wrote(connected):
    cloud = connected.cloud
    outputs = json.loads(connected.pulumi("stack", "output", "--json", "--show-secrets"))
    program = {"CF-Access-Client-Id": outputs["ids"]["n8n"], "CF-Access-Client-Secret": outputs["secrets"]["n8n"]}
    provider = cloud.made("GET", f"/accounts/{ACCOUNT}/access/identity_providers")[0]["id"]
    ada = {"Cookie": f"{COOKIE}={cloud.log_in('ada@example.com', N8N, idp=provider)[1]}"}
    got = {
        "nobody": cloud.visit(N8N)[0],
        "ada": cloud.visit(N8N, headers=ada)[0],
        "a program": cloud.visit(N8N, "/webhook/a", headers=program)[0],
        "a program at the editor": cloud.visit(N8N, headers=program)[0],
        "eve": cloud.log_in("eve@example.com", N8N, idp=provider)[0],
        "a name without a record": cloud.visit("other.example.com")[0],
    }

    wanted = {"nobody": 302, "ada": 200, "a program": 200, "a program at the editor": 403, "eve": 403}
    assert {**wanted, "a name without a record": 530} == got


@pytest.mark.req("S2-42")
def test_a_machine_that_is_off_is_a_clear_502_within_seconds(connected):
    cloud = connected.cloud
    provider = cloud.made("GET", f"/accounts/{ACCOUNT}/access/identity_providers")[0]["id"]
    ada = {"Cookie": f"{COOKIE}={cloud.log_in('ada@example.com', JETT, idp=provider)[1]}"}
    began = time.monotonic()
    status, body, _ = cloud.visit(JETT, headers=ada)
    seconds = time.monotonic() - began

    assert 502 == status, body
    assert 4 < seconds < 60, f"{seconds:.1f} s: the five seconds of the configuration, and no hang"
    assert b"unable to reach the origin" in body, "and says why"


@pytest.mark.req("S2-53")
def test_no_secret_is_in_the_state_or_in_what_the_engine_says(connected):
    plain = json.loads(connected.pulumi("stack", "output", "--json", "--show-secrets"))
    secret = json.loads(next(one["content"] for path, one in connected.files().items() if path.endswith(".json")))
    canaries = [secret["TunnelSecret"], TOKEN, *plain["secrets"].values(), *plain["audiences"].values()]
    printed = (
        connected.pulumi("preview", "--diff") + json.dumps(connected.state()) + connected.pulumi("stack", "output")
    )

    assert 6 == len(canaries), "tunnel, API, service token, three audiences"
    assert [] == [canary for canary in canaries if canary in printed], "sealed everywhere"


@pytest.mark.req("S2-39")
def test_an_application_that_was_removed_in_the_dashboard_is_closed_until_the_next_update(connected):
    cloud = connected.cloud
    apps = {app["domain"]: app["id"] for app in cloud.made("GET", f"/accounts/{ACCOUNT}/access/apps")}
    cloud.made("DELETE", f"/accounts/{ACCOUNT}/access/apps/{apps[N8N]}")
    assert 403 == cloud.visit(N8N)[0], "the connector asks for the assertion that nobody signs any more"

    connected.pulumi("refresh", "--yes", "--skip-preview")
    connected.up()
    assert 302 == cloud.visit(N8N)[0], "the edge asks again"
    connected.unchanged()


@pytest.mark.req("B-10")
def test_a_door_that_is_given_up_leaves_no_name_no_application_and_no_rule(connected):
    (gone,) = [door for door in connected.doors if door["name"] == "jett"]
    connected.doors.remove(gone)
    connected.up()

    there = connected.there()
    assert (1, 2) == (there["records"], there["apps"]), "its name and its application are gone"
    assert JETT not in (connected.folder / "files").read_text(), "nor in the configuration"


def test_destroy_leaves_nothing(connected):
    for link in connected.cloud.emulator.hub.links(
        connected.cloud.made("GET", f"/accounts/{ACCOUNT}/cfd_tunnel")[0]["id"]
    ):
        # What the host's service does on removal, before the tunnel is deleted.
        link.wire.close()
    connected.cloud.emulator.hub.close()
    connected.pulumi("destroy", "--yes", "--skip-preview")

    assert {0} == set(connected.there().values()), connected.there()
