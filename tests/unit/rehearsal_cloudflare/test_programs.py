"""The two programs as a rehearsal starts them: the emulator, killed and started again, and the connector stub."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.unit.rehearsal_cloudflare.cloud import ACCOUNT, SEED, TOKEN, connected, origin, wait_for

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
    link = http.client.HTTPConnection(where.netloc, timeout=10)
    content = None if body is None else json.dumps(body)
    link.request(method, where.path + path, content, {"Authorization": f"Bearer {TOKEN}"})
    answer = json.loads(link.getresponse().read())
    link.close()
    return answer["result"]


def test_the_emulator_survives_kill_9_with_all_it_had_said_it_did(tmp_path):
    (tmp_path / "seed.json").write_text(json.dumps({"accounts": SEED, "tokens": {TOKEN: "edit"}}))
    arguments = ("rehearsal.cloudflare", "--state", str(tmp_path / "state"), "--seed", str(tmp_path / "seed.json"))
    path = f"/accounts/{ACCOUNT}/cfd_tunnel"
    with program(*arguments) as running:
        base = json.loads(running.stdout.readline())["api"]
        made = api(base, "POST", path, {"name": "edge"})
        running.send_signal(signal.SIGKILL)
        running.wait(10)
    with program(*arguments) as running:
        base = json.loads(running.stdout.readline())["api"]
        assert made == api(base, "GET", f"{path}/{made['id']}"), "the tunnel is still there"
        running.send_signal(signal.SIGTERM)
        assert 0 == running.wait(10), "and it ends quietly when it is asked to"


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as door:
        return door.getsockname()[1]


def ready(port):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
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
        given = ("--token-file", str(tmp_path / "token"), "--edge", cloud.world.tunnel)
        with program("rehearsal.cloudflare.connector", *words, *given) as running:
            wait_for(lambda: ready(port) == 200)
            assert 200 == cloud.visit("app.example.com")[0], "the way in is open"
            wait_for(lambda: cloud.made("GET", f"/accounts/{ACCOUNT}/cfd_tunnel/{tunnel}")["status"] == "healthy")
            cloud.world.hub.close()
            wait_for(lambda: ready(port) == 503)
            running.send_signal(signal.SIGTERM)
            assert 0 == running.wait(10), "ends quietly"


def test_the_connector_says_what_it_lacks_and_gives_up_on_a_refused_token(cloud):
    with program("rehearsal.cloudflare.connector", "tunnel", "run") as running:
        assert "needs TUNNEL_TOKEN or --token-file" in running.communicate(timeout=20)[1]
        assert 2 == running.returncode, "nothing to start with"
    with program(
        "rehearsal.cloudflare.connector", "run", "--edge", cloud.world.tunnel, env={"TUNNEL_TOKEN": "eHg="}
    ) as running:
        assert "the edge refuses the token" in running.communicate(timeout=20)[1]
        assert 1 == running.returncode, "no use in trying again"


def test_two_connectors_take_over_from_each_other(cloud):
    with origin() as (service, _):
        tunnel = cloud.tunnel(service=service)
        with connected(cloud, tunnel) as first, connected(cloud, tunnel):
            wait_for(lambda: len(cloud.world.hub.links(tunnel)) == 4)
            first.stop.set()
            for link in cloud.world.hub.links(tunnel):
                if link.row["client_id"] == first._id:
                    link.wire.close()
            answers = [cloud.visit("app.example.com")[0] for _ in range(20)]
            assert [200] * 20 == answers, "no request is lost while one of them goes"


def test_the_connector_needs_nothing_but_the_standard_library_and_its_own_files():
    names = ("connector", "wire", "origin", "assertions")
    program = (
        "import sys; import rehearsal.cloudflare.connector; print(*sorted(m for m in sys.modules if 'rehearsal' in m))"
    )
    done = subprocess.run([sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    wanted = {"rehearsal", "rehearsal.cloudflare", *(f"rehearsal.cloudflare.{name}" for name in names)}
    assert wanted == set(done.stdout.split()), "it is packed into an image that has no other package"


def test_the_ports_are_loopback_in_truth(cloud):
    for url in (cloud.world.api_url, cloud.world.edge_url, f"http://{cloud.world.tunnel}"):
        assert "127.0.0.1" == urlsplit(url).hostname, "nobody outside this machine can reach it"
