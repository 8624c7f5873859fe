"""How long what passes the proxy may take: its limits, made short, end what they are for and nothing else.

The limits are the real Caddyfile's; only their numbers are other ones. What outlives 2 s here outlives minutes there.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import subprocess
import threading
import time
from pathlib import Path

import pytest

from catalog.caddy.service import ON_HOST
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.route import Guard, Route
from homeport.model.service import Limits, Port, Service
from homeport.render.caddy import caddyfile
from tests.support import echo_server
from tests.support.door import Door, WebSocket
from tests.support.scratch import docker, free_port
from tests.support.waits import until

pytestmark = pytest.mark.world

LIMIT = 2
OPEN = (Guard(kind="open", because="a test"),)


@pytest.fixture(scope="module")
def door(tmp_path_factory):
    """A proxy in the host's network before a server that answers as slowly as it is asked to."""
    behind, http, https, health = (free_port() for _ in range(4))
    folder, name = tmp_path_factory.mktemp("streams"), f"t{secrets.token_hex(3)}-streams"
    service = Service(
        name="slow",
        image="slow:1",
        purpose="Slow",
        limits=Limits(memory=64),
        ports=(Port(name="http", inside=8000, outside=behind, at="here"),),
    )
    blueprint = Blueprint(
        preset="streams",
        environment="dev",
        domain="localhost",
        services=(ON_HOST, service),
        networks=(),
        routes=(
            Route(name="slow", service="slow", port=8000, guards=OPEN),
            Route(name="any", service="slow", port=8000, guards=OPEN, max_body=0),
        ),
        edge=Edge(bind="127.0.0.1", ports={"http": http, "https": https}, public=False),
    )
    text = re.sub(r"(read_body|read_header|idle) \w+", rf"\1 {LIMIT}s", caddyfile(blueprint))
    (folder / "Caddyfile").write_text(text)
    (folder / "Caddyfile").chmod(0o444)
    folder.chmod(0o755)
    server = subprocess.Popen(["python3", str(Path(echo_server.__file__)), str(behind)])
    owned = "uid=10001,gid=10001,mode=0700"
    memory = ("--tmpfs", f"/data:{owned}", "--tmpfs", f"/config:{owned}")
    tied = ("--user", ON_HOST.user, "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--read-only", *memory)
    try:
        knows = ("-e", f"HEALTH_PORT={health}", "-e", "XDG_DATA_HOME=/data")
        file = ("-v", f"{folder}/Caddyfile:/etc/homeport/Caddyfile:ro")
        docker("run", "-d", "--name", name, "--network", "host", *tied, *knows, *file, ON_HOST.image, *ON_HOST.command)
        until(lambda: _answers(name, https), "the proxy answers")
        yield Door.of(name, https)
    finally:
        server.kill()
        server.wait()
        docker("rm", "-fv", name)


def _answers(name, port):
    with contextlib.suppress(Exception):
        return Door.of(name, port).ask("slow.localhost") == 200
    return False


@pytest.mark.req("S1-34")
@pytest.mark.parametrize("protocol", ["--http1.1", "--http2"])
@pytest.mark.parametrize("sends", [[], ["--data", "{}"]], ids=["get", "post"])
def test_a_stream_of_events_outlives_every_limit(door, protocol, sends, tmp_path):
    root = tmp_path / "root.crt"
    root.write_text(door.root)
    place = ("--resolve", f"slow.localhost:{door.port}:127.0.0.1", f"https://slow.localhost:{door.port}/events")
    wants = ("-H", "Accept: application/json, text/event-stream", "-H", "Accept-Encoding: gzip, zstd")
    ask = ["curl", "-sS", "-N", "-D", "-", "--cacert", str(root), protocol, *wants, *sends, *place]
    begun = time.monotonic()
    with subprocess.Popen(ask, stdout=subprocess.PIPE, text=True) as caller:
        lines = iter(caller.stdout)
        assert " 200" in next(lines), "it is answered at once"
        while time.monotonic() < begun + 3 * LIMIT:
            line = next(lines, None)
            assert line is not None, f"it was cut after {time.monotonic() - begun:.1f} s"
            assert not line.lower().startswith("content-encoding"), (
                "events are not compressed, which would hold them back"
            )
        caller.kill()


@pytest.mark.req("S1-34")
def test_a_websocket_outlives_every_limit(door):
    socket_ = WebSocket(door, "slow.localhost")
    begun = time.monotonic()
    while time.monotonic() < begun + 3 * LIMIT:
        assert "still here" == socket_.echo("still here")
        threading.Event().wait(0.2)
    socket_.close()


def upload(door, host):
    """The answer to an upload that takes three times the limit; empty where the connection ends before."""
    parts = [secrets.token_bytes(1024)] * (3 * LIMIT * 5)
    length = f"Content-Length: {1024 * len(parts)}"
    head = "\r\n".join(["PUT /up HTTP/1.1", f"Host: {host}:{door.port}", length, "Connection: close", "", ""])
    with door.connect(host) as connection, contextlib.suppress(OSError):
        connection.sendall(head.encode())
        for part in parts:
            connection.sendall(part)
            threading.Event().wait(0.2)
        return connection.makefile("rb").read()
    return b""


@pytest.mark.req("S1-34")
def test_a_slow_upload_passes_where_a_route_takes_any_size_and_ends_elsewhere(door):
    assert b"read 30720 at /up" in upload(door, "any.localhost"), "for as long as it takes"
    assert b" 200 " not in upload(door, "slow.localhost").partition(b"\r\n")[0], "elsewhere a body has its time"
