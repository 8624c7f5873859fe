"""The shared stack in dev: what runs, what the description's own commands say, and who gets in."""

from __future__ import annotations

import base64
import http.client
import json
import subprocess
from urllib.parse import urlsplit

import pytest

from tests.support import subnets
from tests.support.door import Door
from tests.support.scratch import Scratch, docker, free_port, inspect
from tests.support.shared import PYTHON, SERVICES
from tests.support.waits import until

pytestmark = [pytest.mark.world, pytest.mark.usefixtures("shared")]


def run(*argv):
    return subprocess.run(["docker", *argv], capture_output=True, text=True, check=False, timeout=180)


def get(url, **headers):
    """Status and body."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)
    try:
        connection.request("GET", parts.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def operator(outputs):
    """What the proxy asks for, as a browser sends it."""
    return "Basic " + base64.b64encode(f"admin:{outputs['credentials']['guests-password']}".encode()).decode()


@pytest.mark.req("S4-01", "S4-60")
def test_its_containers_run_alone_and_are_healthy(shared):
    def health():
        return {inspect(name)["State"]["Health"]["Status"] for name in SERVICES}

    assert set(SERVICES) == set(shared.objects("container")), "these, and no connector where there is no tunnel"
    # Docker's own first look comes an interval after the start, and one on a busy machine may last too long.
    until(lambda: {"healthy"} == health(), "Docker does not find all of them healthy")


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
    outputs = shared.outputs()

    assert 401 == get(f"http://127.0.0.1:8005{path}")[0], "whoever comes first would be the administrator"
    assert 401 != get(f"http://127.0.0.1:8005{path}", Authorization=operator(outputs))[0], "the operator gets through"
    assert any("/admin/signup" in step for step in outputs["next_steps"]), "the stack says that the step is open"


@pytest.mark.req("S4-54")
def test_a_route_whose_service_is_absent_says_so():
    status, body = get("http://127.0.0.1:8004/anything")

    assert 502 == status
    assert "does not answer" in body, "whoever asks learns that it is not the proxy that is broken"


@pytest.mark.req("S4-10", "S4-33", "S4-55")
def test_a_container_that_joins_is_reached_by_its_route_and_reaches_the_cache():
    serve = (
        "import http.server as h\n"
        "class A(h.BaseHTTPRequestHandler):\n"
        "  def do_GET(self):\n"
        "    b=self.headers.get('Cf-Access-Jwt-Assertion','none').encode()\n"
        "    self.send_response(200);self.end_headers();self.wfile.write(b)\n"
        "h.HTTPServer(('',8000),A).serve_forever()"
    )
    docker("run", "-d", "--name", "lambda-server", "--network", "ai-network", PYTHON, "python", "-c", serve)
    try:
        until(lambda: get("http://127.0.0.1:8004/")[0] == 200, "the server starts in a moment")
        assert "a.b.c" == get("http://127.0.0.1:8004/", **{"Cf-Access-Jwt-Assertion": "a.b.c"})[1]
        ask = "import socket;s=socket.create_connection(('redis',6379));s.send(b'PING\\r\\n');print(s.recv(99))"
        assert "PONG" in docker("exec", "lambda-server", "python", "-c", ask)
    finally:
        docker("rm", "-f", "lambda-server")


APP = {
    "image": PYTHON,
    "command": ["python", "-m", "http.server", "8000", "--directory", "/srv"],
    "port": 8000,
    "internet": True,
    "memory": 64,
}


@pytest.fixture(scope="module")
def guests(shared, tmp_path_factory):
    """A stack of n8n and an app that has joined, and what the shared one had before; it opened a route by a setting."""
    before = {name: inspect(name)["Id"] for name in shared.objects("container")}
    block = subnets.block("10.232")
    stack = Scratch(
        tmp_path_factory.mktemp("guests"),
        preset="jett",
        services={name: {"enabled": False} for name in ("portainer", "uptime-kuma")}
        | {name: {"port": free_port()} for name in ("n8n", "postgres", "qdrant")},
        networks={
            "jett_default": f"{block}.0/26",
            "jett_apps": f"{block}.64/26",
            "jett_admin": f"{block}.128/26",
        },
        apps={"shop": APP},
        join={"ai-network": ["n8n", "shop"]},
    )
    try:
        done = stack.homeport("up")
        assert done.returncode == 0, done.stdout
        # n8n is known by name, and in dev its route is there without a word.
        shared.configure(guests={"shop": {"to": "shop:8000"}})
        done = shared.homeport("up")
        assert done.returncode == 0, done.stdout
        yield stack, before
    finally:
        stack.remove()


@pytest.mark.req("S4-33", "S4-55")
def test_services_and_apps_of_another_stack_join_by_one_setting(guests):
    stack, _ = guests
    networks = {
        name: {*inspect(f"{stack.name}-{name}")["NetworkSettings"]["Networks"]}
        for name in ("n8n", "shop", "postgres", "qdrant")
    }
    again = stack.pulumi("preview", "--expect-no-changes", "--diff")

    assert {"n8n", "shop"} == {name for name, own in networks.items() if "ai-network" in own}, "those that it names"
    assert "ai-network" not in stack.objects("network"), "it is the shared stack's own"
    assert again.returncode == 0, again.stdout + again.stderr
    ask = (
        "s=require('net').connect(6379,'redis',()=>s.write('PING\\r\\n'));s.on('data',d=>{console.log(`${d}`);s.end()})"
    )
    assert "PONG" in docker("exec", f"{stack.name}-n8n", "node", "-e", ask), "the shared cache, by its name"


@pytest.mark.req("S4-33", "S4-55")
@pytest.mark.usefixtures("guests")
def test_n8ns_editor_and_the_app_answer_through_the_shared_proxy_to_the_operator_alone(shared):
    door = Door.of("caddy", shared.settings["edge"]["https_port"])
    login = operator(shared.outputs())
    status, page = get("http://127.0.0.1:8001/", Authorization=login)

    assert (401, 401) == (get("http://127.0.0.1:8001/")[0], door.ask("shop.localhost"))
    assert (200, True) == (status, "n8n" in page)
    assert 200 == door.ask("shop.localhost", "/", f"Authorization: {login}")


@pytest.mark.req("S4-55")
def test_no_container_of_the_shared_stack_is_replaced_when_guests_come(shared, guests):
    _, before = guests

    assert before == {name: inspect(name)["Id"] for name in shared.objects("container")}


@pytest.mark.req("S4-04")
def test_both_end_with_nothing_left_the_guests_first(shared, guests):
    stack, before = guests
    refused = shared.homeport("down", "--yes")

    assert refused.returncode, "others are on its network"
    for name in ("n8n", "shop"):
        assert f"{stack.name}-{name} (stack {stack.name})" in refused.stdout, refused.stdout
    assert before.keys() == {*shared.objects("container")}, "nothing was removed"
    for each in (stack, shared):
        done = each.homeport("down", "--yes")
        assert done.returncode == 0, done.stdout
        left = {kind: each.objects(kind) for kind in ("container", "network", "volume")}
        assert {"container": [], "network": [], "volume": []} == left
