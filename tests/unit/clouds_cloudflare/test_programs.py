"""The two programs as a rehearsal starts them: the emulator, killed and started again, and the connector stub."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import yaml

from rehearsal.clouds.cloudflare.emulator import Addresses
from rehearsal.clouds.kit.listener import NotLoopbackError, loopback
from tests.support.cloudflare import ACCOUNT, SEED, TOKEN, ZONE, Cloud, connected, origin, wait_for
from tests.support.scratch import free_port
from toolchain.cloudflared.connector import Connector
from toolchain.cloudflared.pack import MODULES, pack
from toolchain.cloudflared.settings_file import SettingsError, read

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]


@contextmanager
def program(*arguments, env=None):
    environment = {**os.environ, "TUNNEL_TOKEN": "", "PYTHONPATH": str(ROOT), **(env or {})}
    running = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def api(base, method, path, body=None):
    where = urlsplit(base)
    link = http.client.HTTPConnection(where.netloc, timeout=120)
    content = None if body is None else json.dumps(body)
    link.request(method, where.path + path, content, {"Authorization": f"Bearer {TOKEN}"})
    answer = json.loads(link.getresponse().read())
    link.close()
    return answer["result"]


def test_the_emulator_survives_kill_9_with_all_it_had_said_it_did(tmp_path):
    (tmp_path / "seed.json").write_text(json.dumps({"accounts": SEED, "tokens": {TOKEN: "edit"}}))
    arguments = (
        "rehearsal.clouds.cloudflare",
        "--state",
        str(tmp_path / "state"),
        "--seed",
        str(tmp_path / "seed.json"),
    )
    path = f"/accounts/{ACCOUNT}/cfd_tunnel"
    with program(*arguments) as running:
        base = json.loads(running.stdout.readline())["api"]
        tunnel = api(base, "POST", path, {"name": "edge"})
        running.send_signal(signal.SIGKILL)
        running.wait(180)
    with program(*arguments) as running:
        base = json.loads(running.stdout.readline())["api"]
        assert tunnel == api(base, "GET", f"{path}/{tunnel['id']}"), "the tunnel is still there"
        running.send_signal(signal.SIGTERM)
        assert 0 == running.wait(180), "and it ends quietly when it is asked to"


def ready(port):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        link.request("GET", "/ready")
        return link.getresponse().status
    except ConnectionError:
        return 0
    finally:
        link.close()


def test_the_connector_takes_its_token_from_a_file_and_tells_when_it_is_ready(cloud, tmp_path):
    with origin() as (service, _):
        tunnel, port = cloud.tunnel(service=service), free_port()
        (tmp_path / "token").write_text(cloud.token_of(tunnel) + "\n")
        words = ("tunnel", "--no-autoupdate", "--metrics", f"127.0.0.1:{port}", "--protocol", "http2", "run")
        options = ("--token-file", str(tmp_path / "token"), "--edge", cloud.emulator.tunnel)
        with program("toolchain.cloudflared.command", *words, *options) as running:
            wait_for(lambda: ready(port) == 200)
            assert 200 == cloud.visit("app.example.com")[0], "the way in is open"
            wait_for(lambda: cloud.made("GET", f"/accounts/{ACCOUNT}/cfd_tunnel/{tunnel}")["status"] == "healthy")
            cloud.emulator.hub.close()
            wait_for(lambda: ready(port) == 503)
            running.send_signal(signal.SIGTERM)
            assert 0 == running.wait(180), "ends quietly"


def test_the_connector_says_what_it_lacks_and_gives_up_on_a_refused_token(cloud):
    with program("toolchain.cloudflared.command", "tunnel", "run") as running:
        assert "needs TUNNEL_TOKEN or --token-file, or --config" in running.communicate(timeout=120)[1]
        assert 2 == running.returncode, "nothing to start with"
    with program(
        "toolchain.cloudflared.command", "run", "--edge", cloud.emulator.tunnel, env={"TUNNEL_TOKEN": "eHg="}
    ) as running:
        assert "the edge refuses the connector" in running.communicate(timeout=120)[1]
        assert 1 == running.returncode, "no use in trying again"


def test_two_connectors_take_over_from_each_other(cloud):
    with origin() as (service, _):
        tunnel = cloud.tunnel(service=service)
        with connected(cloud, tunnel) as first, connected(cloud, tunnel):
            wait_for(lambda: len(cloud.emulator.hub.links(tunnel)) == 4)
            first.stop.set()
            for link in cloud.emulator.hub.links(tunnel):
                if link.row["client_id"] == first._id:
                    link.wire.close()
            answers = [cloud.visit("app.example.com")[0] for _ in range(20)]
            assert [200] * 20 == answers, "no request is lost while one of them goes"


def test_the_connector_needs_nothing_but_the_standard_library_and_the_files_that_are_packed():
    program = (
        "import sys; import toolchain.cloudflared.command; print(*sorted(m for m in sys.modules if 'toolchain' in m))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    packed = {f"toolchain.cloudflared.{name}" for name in MODULES if name != "__init__"}
    assert {"toolchain", "toolchain.cloudflared", "toolchain.stopping", *packed} == set(done.stdout.split()), (
        "it runs on a machine alone"
    )


def config(folder, cloud, made, rules, **more):
    """What the product writes on a host, in a folder: the configuration and its credentials."""
    parts = json.loads(base64.b64decode(cloud.token_of(made)))
    named = {"AccountTag": parts["a"], "TunnelID": parts["t"], "TunnelSecret": parts["s"]}
    (folder / "credentials.json").write_text(json.dumps(named))
    whole = {"tunnel": made, "credentials-file": str(folder / "credentials.json"), "no-autoupdate": True}
    whole |= {"ingress": [*rules, {"service": "http_status:404"}], **more}
    (folder / "config.yml").write_text(yaml.safe_dump(whole))
    return str(folder / "config.yml")


def local_tunnel(cloud, host):
    base = f"/accounts/{ACCOUNT}/cfd_tunnel"
    secret = base64.b64encode(b"s" * 32).decode()
    tunnel = cloud.made("POST", base, {"name": "own", "config_src": "local", "tunnel_secret": secret})["id"]
    record = {"type": "CNAME", "name": host, "content": f"{tunnel}.cfargotunnel.com", "proxied": True, "ttl": 1}
    cloud.made("POST", f"/zones/{ZONE}/dns_records", record)
    return tunnel


@pytest.mark.req("S2-36")
def test_a_locally_managed_tunnel_runs_by_its_own_files_as_one_packed_program(cloud, tmp_path):
    pack(tmp_path / "bin" / "cloudflared")
    (tmp_path / "notify").mkdir()
    with origin() as (service, _), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as told:
        told.bind(str(tmp_path / "notify" / "socket"))
        tunnel, port = local_tunnel(cloud, "app.example.com"), free_port()
        rules = [{"hostname": "app.example.com", "service": service, "originRequest": {"connectTimeout": "5s"}}]
        file = config(tmp_path, cloud, tunnel, rules, metrics=f"127.0.0.1:{port}")
        words = [sys.executable, str(tmp_path / "bin" / "cloudflared"), "--no-autoupdate", "--config", file, "tunnel"]
        checked = subprocess.run([*words, "ingress", "validate"], capture_output=True, text=True, check=False)
        assert (0, "OK\n") == (checked.returncode, checked.stdout), checked.stderr
        environ = {**os.environ, "TUNNEL_EDGE": cloud.emulator.tunnel, "NOTIFY_SOCKET": told.getsockname()}
        running = subprocess.Popen([*words, "run"], cwd=tmp_path, env=environ, stderr=subprocess.PIPE)
        try:
            wait_for(lambda: ready(port) == 200)
            told.settimeout(180)
            assert b"READY=1" == told.recv(64), "systemd hears of the first connection"
            assert (200, b"GET /x ") == cloud.visit("app.example.com", "/x")[:2], "its own ingress rules hold"
        finally:
            running.kill()
            running.communicate()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"ingress": []}, "no ingress rules"),
        ({"ingress": [{"hostname": "a.example.com", "service": "http://127.0.0.1:1"}]}, "the last rule, and only it"),
        ({"ingress": [{"service": "http_status:404", "orginRequest": {}}]}, "does not know orginRequest"),
        ({"ingress": [{"path": "(", "service": "x"}, {"service": "http_status:404"}]}, "no regular expression"),
        ({"tunnel": "another"}, "is not that of the credentials"),
        ({"credentials-file": "/nowhere.json"}, "credentials-file cannot be used"),
    ],
)
def test_a_configuration_that_cloudflared_would_refuse_is_refused(cloud, tmp_path, change, said):
    file = config(tmp_path, cloud, local_tunnel(cloud, "app.example.com"), [], **change)
    with pytest.raises(SettingsError, match=re.escape(said)):
        read(file)


def test_the_stub_never_dials_an_address_of_the_internet(monkeypatch):
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("1.1.1.1", 7844))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    dialled = []
    monkeypatch.setattr(socket, "create_connection", lambda *asked: dialled.append(asked))
    connector = Connector("token", "region1.v2.argotunnel.com:7844")
    connector.run(1)
    assert "on the internet" in connector.refused, "without the line in /etc/hosts the name is Cloudflare's own"
    assert [] == dialled, "and nothing was sent"


@pytest.mark.parametrize("address", ["10.0.0.1:0", "0.0.0.0:0", "198.51.100.1:0", "192.168.1.1:0", "[::]:0"])
def test_no_door_opens_on_a_network_that_is_not_the_rehearsals(address):
    with pytest.raises(NotLoopbackError, match=re.escape("198.18.0.0/15")):
        loopback(address, machines=True)


def test_only_the_edge_has_doors_on_the_network_of_the_machines():
    assert ("198.18.7.1", 7844) == loopback("198.18.7.1:7844", machines=True), "the bridge of the rehearsal's machines"
    with pytest.raises(NotLoopbackError):
        loopback("198.18.7.1:443")


def test_the_edge_listens_at_every_address_that_it_is_given(tmp_path):
    made = Cloud(tmp_path, Addresses(edge="127.0.0.1:0,127.0.0.1:0", tunnel="127.0.0.1:0,127.0.0.1:0"))
    try:
        ports = {urlsplit(edge.url).port for edge in made.emulator.edges} | {
            door.getsockname()[1] for door, _ in made.emulator.hub._listening[:2]
        }
        assert 4 == len(ports), "two doors for visitors, two for connectors"
        for port in ports:
            socket.create_connection(("127.0.0.1", port), 5).close()
    finally:
        made.emulator.close()


def test_the_ports_are_loopback_in_truth(cloud):
    for url in (cloud.emulator.api_url, cloud.emulator.edge_url, f"http://{cloud.emulator.tunnel}"):
        assert "127.0.0.1" == urlsplit(url).hostname, "nobody outside this machine can reach it"
