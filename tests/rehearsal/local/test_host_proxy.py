"""A proxy in the host's own network, on the real engine and real Docker: it finds what is published on 127.0.0.1.

Its routes change as those of any proxy: nobody who goes elsewhere notices.
"""

from __future__ import annotations

import base64
import contextlib
import http.client
import http.server
import re
import secrets
import threading
from pathlib import Path

import pytest

from catalog.caddy.service import ON_HOST
from tests.support.door import Load, Stream, WebSocket
from tests.support.doorway import SERVER, Doorway, app
from tests.support.scratch import docker, free_port, inspect
from tests.support.waits import until

pytestmark = pytest.mark.world

PRESET = """
from catalog.caddy.service import ON_HOST
from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.route import Guard, Route
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, Port, Service

STORE = Service(
    name="store",
    image="python:3.11.16-slim-bookworm",
    purpose="Takes uploads, and asks its host",
    command=("python", "-c", "import base64, zlib; exec(zlib.decompress(base64.b64decode('@SERVER@')))", "8000"),
    networks=("front",),
    host_gateway=True,
    ports=(Port(name="http", inside=8000, outside=8000, at="here"),),
    health=Health(test=("python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000), 2)")),
    limits=Limits(memory=64),
    secrets=(SecretSpec(name="store-password", purpose="for the store"),),
)
PRESET = Preset(
    name="ai-orchestrator",
    purpose="A proxy in the host's network",
    services=(ON_HOST, STORE),
    networks=(Network(name="front", subnet="172.30.90.0/24", internal=False),),
    routes=(
        Route(
            name="store",
            service="store",
            port=8000,
            max_body=0,
            health="/inside/healthz",
            guards=(Guard(kind="basic", user="admin", secret="store-password", because="a test"),),
        ),
    ),
)
""".replace("@SERVER@", SERVER)
HOST = "store.localhost"
LOOPBACK = "0100007F"
"""127.0.0.1 in /proc/net/tcp."""


class OnHost(Doorway):
    """The same stack, each service with a port of its own on the loopback address."""

    def __init__(self, folder):
        self.here = {name: free_port() for name in ("caddy", "store", "site", "talk", "late")}
        apps = {name: app(access="public", port=self.here[name]) for name in ("site", "talk")}
        super().__init__(folder, PRESET, apps)
        self.configure(services={name: {"port": self.here[name]} for name in ("caddy", "store")})


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with OnHost(tmp_path_factory.mktemp("onhost")).running() as running:
        yield running


@pytest.fixture
def door(stack):
    return stack.door()


def answered(door, method, path, *fields, body=b""):
    """Head and body of an answer."""
    head = [f"{method} {path} HTTP/1.1", f"Host: {HOST}:{door.port}", "Connection: close", *fields, "", ""]
    with door.connect(HOST) as connection:
        connection.sendall("\r\n".join(head).encode())
        with contextlib.suppress(OSError):
            connection.sendall(body)
        head, _, rest = connection.makefile("rb").read().partition(b"\r\n\r\n")
        return head.decode().lower(), rest


def listening(uid):
    """Addresses and ports that programs of a user listen on in this machine's own network (proc_pid_net(5))."""
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text().splitlines()[1:]]
    places = [row[1].split(":") for row in rows if (row[3], row[7]) == ("0A", str(uid))]
    return {(address, int(port, 16)) for address, port in places}


@pytest.mark.req("S1-33", "S1-10")
def test_the_proxy_is_in_the_hosts_network_without_root_and_docker_publishes_nothing_for_it(stack):
    proxy = inspect(stack.proxy)

    assert ("host", "10001:10001") == (proxy["HostConfig"]["NetworkMode"], proxy["Config"]["User"])
    assert not proxy["NetworkSettings"]["Ports"], "Docker publishes nothing"
    assert "no-new-privileges:true" in proxy["HostConfig"]["SecurityOpt"], "and gives nothing away"
    until(lambda: inspect(stack.proxy)["State"]["Health"]["Status"] == "healthy", "Docker finds it healthy")
    wanted = {(LOOPBACK, port) for port in (*stack.ports, stack.here["caddy"])}
    own = listening(10001)
    assert wanted <= own, "it listens at the edge's address and ports, and for its health check"
    assert {LOOPBACK} == {address for address, _ in own}, "and nowhere else"


@pytest.mark.req("S1-31", "S1-33", "S1-80")
def test_it_finds_services_and_apps_at_the_loopback_address(stack, door):
    assert (200, 200) == tuple(door.ask(f"{name}.localhost") for name in ("site", "talk")), "apps are behind it too"
    assert 401 == door.ask(HOST), "and a guarded service"
    bindings = [
        row["HostIp"]
        for name in stack.objects("container")
        for rows in inspect(name)["NetworkSettings"]["Ports"].values()
        for row in rows or ()
    ]
    assert {"127.0.0.1"} == set(bindings), "what is behind it is published nowhere else"
    assert 0 == door.ask("nobody.localhost"), "a name that nobody has gets no certificate, and no upstream"


@pytest.mark.req("S1-30", "S1-31")
def test_plain_http_leads_to_https_and_a_name_that_nobody_has_nowhere(stack):
    def ask(host):
        connection = http.client.HTTPConnection("127.0.0.1", stack.ports[0], timeout=120)
        connection.request("GET", "/a?b=c", headers={"Host": host})
        answer = connection.getresponse()
        connection.close()
        return answer.status, answer.headers.get("Location")

    assert (301, f"https://{HOST}:{stack.ports[1]}/a?b=c") == ask(HOST)
    assert (404, None) == ask("nobody.example.com"), "no upstream, and no way to one"


@pytest.mark.req("S1-13")
def test_a_container_finds_its_host_by_name(stack):
    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    script = "import sys, urllib.request as r; print(r.urlopen(f'http://host.docker.internal:{sys.argv[1]}').status)"
    with http.server.HTTPServer(("0.0.0.0", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        said = docker("exec", f"{stack.name}-store", "python", "-c", script, str(server.server_port))
        server.shutdown()

    assert "204" == said.strip(), "as host-agent's port will be asked"
    assert ["host.docker.internal:host-gateway"] == inspect(f"{stack.name}-store")["HostConfig"]["ExtraHosts"]


@pytest.mark.req("S1-37")
def test_health_of_a_route_is_the_services_own_and_asks_nobody(door):
    head, body = answered(door, "GET", "/health")

    assert " 200 " in head.splitlines()[0], "no password is needed for it"
    assert b"read 0 at /inside/healthz" == body, "the service's own path answers"
    assert " 401 " in answered(door, "POST", "/health")[0].splitlines()[0], "it is for looking alone"
    assert " 401 " in answered(door, "GET", "/health/")[0].splitlines()[0], "and that path alone"


@pytest.mark.req("S1-32")
def test_every_site_has_its_headers_and_says_nothing_of_what_serves_it(door):
    head, _ = answered(door, "GET", "/health", "Accept-Encoding: gzip")

    for name in ("strict-transport-security", "x-content-type-options", "x-frame-options", "referrer-policy"):
        assert f"\r\n{name}: " in head, head
    assert "\r\nserver:" not in head, "neither the proxy's own nor the service's"


@pytest.mark.req("S1-34")
def test_a_body_of_any_size_passes_where_the_route_says_so(stack, door):
    password = stack.outputs()["credentials"]["store-password"]
    basic = base64.b64encode(f"admin:{password}".encode()).decode()
    body = secrets.token_bytes(1 << 20) * 24
    head, said = answered(
        door, "PUT", "/v2/layer", f"Content-Length: {len(body)}", f"Authorization: Basic {basic}", body=body
    )

    assert (True, b"read %d at /v2/layer" % len(body)) == (" 200 " in head.splitlines()[0], said)


@pytest.mark.req("S1-33", "OS-30", "OS-31")
def test_an_app_that_comes_and_goes_touches_nobody_else(stack, door):
    before = stack.ids
    socket_, stream = WebSocket(door, "talk.localhost"), Stream(door, "talk.localhost")
    with Load(door, "site.localhost") as load:
        until(lambda: load.seen[200] > 20, "the load runs")
        stack.app("late", access="public", port=stack.here["late"])
        done = stack.up()
        assert done.returncode == 0, done.stdout + done.stderr
        assert 200 == door.ask("late.localhost"), "the new name answers when the update ends"
        stack.app("late")
        done = stack.up()
        assert done.returncode == 0, done.stdout + done.stderr

    assert {200} == set(load.seen), load.seen
    assert "still here" == socket_.echo("still here"), "a WebSocket lives on"
    assert all(stream.tick() for _ in range(20)), "a stream goes on"
    socket_.close()
    stream.close()
    assert before == stack.ids, "no container was replaced"


@pytest.mark.req("P-02")
def test_nothing_is_left_to_do_also_after_a_refresh(stack):
    done = stack.pulumi("preview", "--refresh", "--expect-no-changes")

    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_left_of_it(stack):
    done = stack.pulumi("destroy", "--yes", "--skip-preview")

    assert done.returncode == 0, done.stdout + done.stderr
    assert [] == [*stack.objects("container"), *stack.objects("network"), *stack.objects("volume")]


@pytest.mark.req("S1-33")
def test_it_listens_at_low_ports_as_a_plain_user_by_the_kernels_setting_alone():
    """In the network of another container, for which Docker changes nothing, as for the host's."""
    name = f"t{secrets.token_hex(3)}-low"
    caps = ("--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--security-opt", "no-new-privileges")
    caddy = ("--user", ON_HOST.user, "--read-only", *caps, "--entrypoint", "sh", ON_HOST.image)
    asks = ("-c", "exec caddy respond --listen 127.0.0.1:80 2>&1")
    answers = {}
    for first in ("1024", ON_HOST.kernel["net.ipv4.ip_unprivileged_port_start"]):
        setting = f"net.ipv4.ip_unprivileged_port_start={first}"
        try:
            holder = ("--network", "none", "--sysctl", setting, "--entrypoint", "sleep", ON_HOST.image, "600")
            docker("run", "-d", "--name", name, *holder)
            docker("run", "-d", "--name", f"{name}-caddy", "--network", f"container:{name}", *caddy, *asks)
            answers[first] = until(
                lambda: re.search(r"permission denied|Server address: .*:80", _said(name)), "it says how it is"
            )[0]
        finally:
            docker("rm", "-f", name, f"{name}-caddy")

    assert "permission denied" == answers["1024"], "neither the file's capability nor the container's is worth anything"
    assert ":80" in answers["80"], "it listens"


def _said(name):
    return docker("logs", f"{name}-caddy")
