"""vpai in dev: what runs, who reaches whom, what its pages answer, and that nothing is left."""

from __future__ import annotations

import http.client
import json
import subprocess

import pytest

from catalog.postgresql.service import SERVICE as POSTGRESQL
from catalog.presets.vpai.preset import PRESET
from tests.support.scratch import docker, inspect
from tests.support.vpai import SERVICES
from tests.support.waits import until

pytestmark = [pytest.mark.world, pytest.mark.usefixtures("vpai")]
HERE = {route.name: route.here for route in PRESET.routes if route.here}
PROBE = POSTGRESQL.image
"""It has a shell that opens connections."""


def ask(route, path, method="GET", body=None, **headers):
    """Status and body at a route's port of the loopback address."""
    link = http.client.HTTPConnection("127.0.0.1", HERE[route], timeout=120)
    try:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        link.request(method, path, json.dumps(body) if body is not None else None, fields)
        answer = link.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        link.close()


def beside(network, script):
    """What a container that is on one network alone sees."""
    argv = ["docker", "run", "--rm", "--network", network, "--cap-drop", "ALL", "--entrypoint", "bash", PROBE]
    return subprocess.run([*argv, "-c", script], capture_output=True, text=True, check=False, timeout=180)


def reaches(network, host, port):
    """Whether a connection from a container on that network alone comes about."""
    return beside(network, f"timeout 5 bash -c 'exec 3<>/dev/tcp/{host}/{port}'").returncode == 0


def test_its_containers_have_the_descriptions_names_and_are_healthy(vpai):
    def health():
        return {name: inspect(name)["State"]["Health"]["Status"] for name in SERVICES}

    assert set(SERVICES) == set(vpai.objects("container"))
    # Docker's own first look comes an interval after the start, and one on a busy machine may last too long.
    until(lambda: {"healthy"} == set(health().values()), "Docker does not find all of them healthy")


@pytest.mark.req("P-07")
def test_a_second_preview_changes_nothing_also_after_a_refresh(vpai):
    done = vpai.pulumi("preview", "--refresh", "--expect-no-changes", "--diff", timeout=600)

    assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-1000:]


def test_docker_leads_nobody_out_of_three_networks():
    """That nobody there gets out is measured on a host (claim reached-by-networks)."""
    networks = ("backend", "monitoring", "sandbox", "egress", "frontend")
    internal = {name: json.loads(docker("network", "inspect", name))[0]["Internal"] for name in networks}

    assert {name: name not in ("egress", "frontend") for name in networks} == internal


def test_who_is_on_sandbox_alone_reaches_openclaw_and_its_sandbox_and_nothing_else():
    address = inspect("postgresql")["NetworkSettings"]["Networks"]["backend"]["IPAddress"]
    others = {"postgresql": 5432, address: 5432, "redis": 6379, "litellm": 4000, "qdrant": 6333}

    assert [] == [host for host, port in others.items() if reaches("sandbox", host, port)]
    until(lambda: reaches("sandbox", "openclaw", 18789), "it is on both")
    until(lambda: reaches("sandbox", "openclaw-sandbox", 2222), "which admits its key alone")
    assert not reaches("backend", "openclaw-sandbox", 2222), "for the gateway, and nobody else"
    until(lambda: reaches("backend", "postgresql", 5432), "or the probe would be blind")


def test_nobody_on_sandbox_has_dockers_socket():
    on = {each["Name"] for each in json.loads(docker("network", "inspect", "sandbox"))[0]["Containers"].values()}

    assert {"openclaw", "openclaw-sandbox"} == on
    assert [] == [mount for name in on for mount in inspect(name)["Mounts"] if mount["Type"] == "bind"]


def test_pages_answer_at_their_ports_of_the_loopback_address():
    works = {route.name: ask(route.name, route.probe)[0] for route in PRESET.routes if route.here and route.probe}

    assert dict.fromkeys(works, 200) == works and 9 == len(works), works
    assert 401 == ask("qdrant", "/collections")[0], "without its key"


@pytest.mark.req("S5-80")
def test_a_call_of_n8ns_webhook_comes_to_openclaw_with_its_token_and_back(vpai):
    body = {"messages": [{"role": "user", "content": "hello"}]}
    refused, _ = ask("n8n", "/webhook/agent/ask", "POST", body, Content_Type="application/json")
    key = vpai.credentials()["n8n-webhook-api-key"]
    status, text = ask("n8n", "/webhook/agent/ask", "POST", body, Content_Type="application/json", X_API_Key=key)

    assert 403 == refused, "for who has the key"
    assert status not in {0, 401, 403, 404}, f"OpenClaw took the token: {text[:300]}"


@pytest.mark.req("P-18")
def test_down_leaves_nothing(vpai):
    done = vpai.homeport("down", "--yes", timeout=600)

    assert 0 == done.returncode, done.stdout[-3000:]
    assert [] == [name for kind in ("container", "network", "volume") for name in vpai.objects(kind)]
