"""The shared stack in dev: what runs, what the description's own commands say, and who gets in."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.support.scratch import Scratch, docker, inspect
from tests.support.shared import SERVICES
from tests.support.waits import until

pytestmark = [pytest.mark.world, pytest.mark.usefixtures("shared")]


def run(*argv):
    return subprocess.run(["docker", *argv], capture_output=True, text=True, check=False, timeout=60)


def get(url, **headers):
    """Status and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=20)
    try:
        connection.request("GET", parts.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


@pytest.mark.req("S4-01", "S4-60")
def test_its_containers_run_alone_and_are_healthy(shared):
    def health():
        return {inspect(name)["State"]["Health"]["Status"] for name in SERVICES}

    assert set(SERVICES) == set(shared.objects("container")), "these, and no connector where there is no tunnel"
    until(lambda: "starting" not in health(), "Docker's own first look comes an interval after the start")
    assert {"healthy"} == health()


@pytest.mark.req("S4-02", "S4-51", "S4-56")
def test_it_owns_one_network_and_named_volumes(shared):
    volumes = set(shared.objects("volume"))

    assert ["ai-network"] == shared.objects("network"), "one network, and no other is created"
    assert {"caddy-data", "caddy-config", "valkey-data", "infisical-db-data", "infisical-redis-data"} <= volumes


@pytest.mark.req("S4-15", "S4-52")
@pytest.mark.parametrize(
    "argv",
    [
        ("caddy", "caddy", "validate", "--config", "/etc/caddy/Caddyfile"),
        ("infisical-backend", "wget", "--spider", "http://localhost:8080/api/health"),
        ("redis", "redis-cli", "ping"),
    ],
    ids=lambda argv: argv[0],
)
def test_the_descriptions_own_commands_succeed(argv):
    done = run("exec", *argv)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("S4-62")
@pytest.mark.parametrize("name", ["redis", "infisical-redis"])
def test_the_health_check_of_a_cache_fails_on_an_error_reply(name):
    test, image = inspect(name)["Config"]["Healthcheck"]["Test"][1:], inspect(name)["Config"]["Image"]
    other = docker("run", "-d", "--network", "none", image, "valkey-server", "--requirepass", "another").strip()
    try:
        until(lambda: "NOAUTH" in run("exec", other, "redis-cli", "ping").stdout, "it starts in a moment")
        assert 0 == run("exec", other, "redis-cli", "ping").returncode, "redis-cli takes an error for an answer"
        assert 0 != run("exec", other, *test).returncode, "the check does not"
        assert 0 == run("exec", name, *test).returncode, "where ping is answered, the check succeeds"
    finally:
        docker("rm", "-fv", other)


@pytest.mark.req("P-07")
def test_a_second_preview_is_empty_also_after_refresh(shared):
    first = shared.pulumi("preview", "--expect-no-changes", "--diff")
    refreshed = shared.pulumi("refresh", "--yes", "--skip-preview")
    second = shared.pulumi("preview", "--expect-no-changes", "--diff")

    assert first.returncode == 0, first.stdout + first.stderr
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert second.returncode == 0, second.stdout + second.stderr


@pytest.mark.req("S4-07", "S4-13", "S4-50")
def test_port_routes_answer_on_the_loopback_address_alone():
    published = {
        (row["HostIp"], key) for key, rows in inspect("caddy")["NetworkSettings"]["Ports"].items() for row in rows or ()
    }

    assert {"127.0.0.1"} == {address for address, _ in published}, "nothing is opened beyond this machine"
    assert {f"{port}/tcp" for port in (80, 443, 8001, 8002, 8003, 8004, 8005)} == {key for _, key in published}
    assert [] == [name for name in SERVICES[1:] if any((inspect(name)["NetworkSettings"]["Ports"] or {}).values())]
    status, body = get("http://127.0.0.1:8005/api/status")
    assert (200, "Ok") == (status, json.loads(body)["message"])


@pytest.mark.req("S4-37")
@pytest.mark.parametrize("path", ["/admin/signup", "/api/v1/admin/signup", "/api/v1/admin/bootstrap"])
def test_the_first_account_is_for_the_operator_alone(shared, path):
    outputs = json.loads(shared.pulumi("stack", "output", "--json", "--show-secrets").stdout)
    word = base64.b64encode(f"admin:{outputs['credentials']['guests-password']}".encode()).decode()

    assert 401 == get(f"http://127.0.0.1:8005{path}")[0], "whoever comes first would be the administrator"
    assert 401 != get(f"http://127.0.0.1:8005{path}", Authorization=f"Basic {word}")[0], "the operator gets through"
    assert any("/admin/signup" in step for step in outputs["next_steps"]), "the stack says that the step is open"


@pytest.mark.req("S4-54")
def test_a_route_whose_service_is_absent_says_so():
    status, body = get("http://127.0.0.1:8004/anything")

    assert 502 == status
    assert "does not answer" in body, "whoever asks learns that it is not the proxy that is broken"


@pytest.mark.req("S4-10", "S4-33", "S4-55")
def test_a_container_that_joins_is_reached_by_its_route_and_reaches_the_cache():
    image = "python:3.11.16-slim-bookworm"
    serve = (
        "import http.server as h\n"
        "class A(h.BaseHTTPRequestHandler):\n"
        "  def do_GET(self):\n"
        "    b=self.headers.get('Cf-Access-Jwt-Assertion','none').encode()\n"
        "    self.send_response(200);self.end_headers();self.wfile.write(b)\n"
        "h.HTTPServer(('',8000),A).serve_forever()"
    )
    docker("run", "-d", "--name", "lambda-server", "--network", "ai-network", image, "python", "-c", serve)
    try:
        until(lambda: get("http://127.0.0.1:8004/")[0] == 200, "the server starts in a moment")
        assert "a.b.c" == get("http://127.0.0.1:8004/", **{"Cf-Access-Jwt-Assertion": "a.b.c"})[1]
        ask = "import socket;s=socket.create_connection(('redis',6379));s.send(b'PING\\r\\n');print(s.recv(99))"
        assert "PONG" in docker("exec", "lambda-server", "python", "-c", ask)
    finally:
        docker("rm", "-f", "lambda-server")


@pytest.mark.req("S4-33", "S4-55")
def test_a_service_of_another_stack_joins_by_one_setting(tmp_path):
    off = {name: {"enabled": False} for name in ("ai-n8n", "ai-caddy", "ai-executor")}
    other = Scratch(tmp_path, services=off, join={"ai-network": ["ai-redis"]})
    try:
        done = other.up()
        assert done.returncode == 0, done.stdout + done.stderr
        again = other.pulumi("preview", "--expect-no-changes", "--diff")
        assert again.returncode == 0, again.stdout + again.stderr
        networks = inspect(f"{other.name}-ai-redis")["NetworkSettings"]["Networks"]
        assert {"ai-network", f"{other.name}-ai-data"} == set(networks)
        assert "ai-network" not in other.objects("network"), "it is the shared stack's own"
        answer = docker("exec", f"{other.name}-ai-redis", "redis-cli", "-h", "redis", "ping").strip()
        assert "PONG" == answer, "what has joined reaches the shared cache by its name"
    finally:
        other.remove()
