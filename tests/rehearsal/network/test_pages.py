"""Where a page of the headless browser gets on a host: a real Chromium behind the firewall, on a network of its own."""

from __future__ import annotations

import json
import secrets
import shlex
import subprocess
import sys

import pytest

from catalog.browserless.service import SERVICE
from rehearsal.probes.box import docker, start
from tests.rehearsal.network.conftest import BRIDGED, HOST_SERVICE
from tests.support.checkout import ROOT
from tests.support.waits import until

pytestmark = pytest.mark.docker
METADATA = "169.254.169.254"
PAGE = (ROOT / "rehearsal" / "claims" / "page.cjs").read_text(encoding="utf-8")
# What says its word to whoever connects, as PostgreSQL does to who speaks another protocol.
_DATABASE = "while true; do printf 'HTTP/1.0 400 No\\r\\n\\r\\nno' | nc -l -N 5432; done"
_BROWSER = """
docker network create --subnet 172.29.4.0/24 browser >/dev/null
docker run -d --name supabase-db --network front tiny:1 sh -c {database}
docker run -d --name browser --init --network browser --user {user} --read-only --cap-drop ALL \\
  --security-opt no-new-privileges --shm-size 1g {tmpfs} {env} -v /srv/browser:/etc/homeport:ro \\
  --entrypoint {entrypoint} {image} {command}
"""


@pytest.fixture(scope="module")
def page(server):
    """Has pages go to addresses; what came of each."""
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", SERVICE.image], check=True, cwd=ROOT)
    saved = subprocess.Popen(["docker", "save", SERVICE.image], stdout=subprocess.PIPE)
    with saved:
        loads = ["docker", "exec", "-i", server.name, "docker", "load", "-q"]
        subprocess.run(loads, stdin=saved.stdout, check=True, capture_output=True, timeout=600)
    server.run("mkdir -p /srv/browser")
    for file in SERVICE.files:
        put(server, file.target, (ROOT / file.source).read_text(encoding="utf-8"))
    put(server, "token", secrets.token_hex(32))
    server.run(
        _BROWSER.format(
            database=shlex.quote(_DATABASE),
            user=SERVICE.user,
            tmpfs=" ".join(f"--tmpfs {path}:{options}" for path, options in SERVICE.tmpfs.items()),
            env=" ".join(f"-e {shlex.quote(f'{key}={value}')}" for key, value in SERVICE.env.items()),
            entrypoint=SERVICE.entrypoint[0],
            image=SERVICE.image,
            command=" ".join(SERVICE.command),
        )
    )
    until(lambda: server.ok("docker exec browser node /etc/homeport/health.cjs"), "the browser answers")
    asks = ("exec", server.name, "docker", "exec", "browser", "node", "-e", PAGE)
    yield lambda *addresses: json.loads(docker(*asks, *addresses))
    server.run("docker rm -f browser supabase-db && docker network rm browser && rm -r /srv/browser")


def put(server, name, text):
    docker("exec", "-i", server.name, "sh", "-c", f"cat >/srv/browser/{name}", stdin=text.encode())


@pytest.fixture
def site(server, outside):
    """A web server of the outside, which has the metadata service's address besides."""
    docker("exec", outside.name, "ip", "address", "replace", f"{METADATA}/32", "dev", "lo")
    server.run(f"ip route replace {METADATA} via {outside.address()}")
    running = start(outside.prefix, "sink", {"address": "", "port": 8080, "answers": None})
    running.wait_for(0)
    for at in (outside.address(), METADATA):
        until(lambda at=at: server.ok(f"nc -z -w 1 {at} 8080"), "the host itself may ask, or there is nobody to ask")
    yield outside.address()
    running.stop()
    server.run(f"ip route del {METADATA}")


@pytest.mark.req("S1-23", "B-08", "S1-08")
def test_a_page_reaches_the_outside_and_nothing_of_the_host_or_its_other_networks(server, site, page):
    database = server.run("docker inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' supabase-db").strip()
    hosts = ("172.29.4.1", "172.17.0.1", server.address())
    others = [
        "http://supabase-db:5432/",
        f"http://{database}:5432/",
        f"http://{METADATA}:8080/",
        *(f"http://127.0.0.1:{port}/" for port in (5432, HOST_SERVICE)),
        *(f"http://{at}:{port}/" for at in hosts for port in (HOST_SERVICE, BRIDGED)),
    ]

    seen = page(f"http://{site}:8080/", *others)
    assert "" == seen.pop(f"http://{site}:8080/"), "a page is of the internet, or the browser is of no use"
    assert {*others} == {*seen}, "of each it is known"
    assert {"no answer", "net::ERR_CONNECTION_TIMED_OUT"} >= {
        why for address, why in seen.items() if "supabase-db" not in address and "127.0.0.1" not in address
    }, f"the firewall and Docker drop it: {seen}"
    assert "net::ERR_NAME_NOT_RESOLVED" == seen["http://supabase-db:5432/"], "nor does it know the names"
    own = {"net::ERR_CONNECTION_REFUSED"}
    assert own == {seen[address] for address in seen if "127.0.0.1" in address}, "its loopback address is its own"

    server.run("docker network connect front browser")
    near = page("http://supabase-db:5432/", f"http://{database}:5432/")
    server.run("docker network disconnect front browser")
    assert not {"no answer", "net::ERR_NAME_NOT_RESOLVED"} & {*near.values()}, f"a control: on its network, {near}"
