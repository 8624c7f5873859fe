"""The dev stack as `make up` brings it up: what runs, what answers at its door, and what is refused there."""

from __future__ import annotations

import http.client
import json
import re
import shlex
import socket
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support import memory_claims
from tests.support.dev import SERVICES
from tests.support.waits import until

pytestmark = pytest.mark.world


def _get(door, path: str, headers: dict[str, str] | None = None, *, host: str = "") -> http.client.HTTPResponse:
    """A GET as a browser would send it, to the loopback whatever the name resolves to."""
    url = urlsplit(door.base_url)
    raw = socket.create_connection(door.connect, 20)
    wrapped = door.tls.wrap_socket(raw, server_hostname=url.hostname)
    connection = http.client.HTTPSConnection(url.hostname, url.port)
    connection.sock = wrapped
    connection.request("GET", path, headers={"Host": host or url.netloc, **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.mark.req("S3-01", "S3-45")
def test_the_five_containers_run_and_are_healthy(world):
    def health():
        return {world.inspect(name)["State"]["Health"]["Status"] for name in SERVICES}

    assert set(SERVICES) == set(world.containers), "five, and no others"
    # Docker's own first look comes an interval after the start, and one on a busy machine may last too long.
    until(lambda: {"healthy"} == health(), "Docker does not find all of them healthy")


@pytest.mark.req("P-07")
def test_a_second_preview_is_empty(world):
    done = world.pulumi("preview", "--expect-no-changes", "--diff")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("P-07")
def test_a_preview_after_refresh_is_empty(world):
    refreshed = world.pulumi("refresh", "--yes", "--skip-preview")
    done = world.pulumi("preview", "--expect-no-changes", "--diff")

    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("S3-08", "S3-28", "S3-29", "S3-30", "S3-31", "S3-32", "S3-53", "S3-55", "FP-11")
@pytest.mark.parametrize("claim", memory_claims.ALL, ids=lambda claim: claim.__name__)
def test_a_caller_of_the_webhooks_finds(door, claim):
    claim(door)


@pytest.mark.req("S3-05", "S3-06", "S3-07")
@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 401),
        ("/rest/login", 401),
        ("/rest/settings", 401),
        ("/webhook-test/memory/ingest", 404),
        ("/form/x", 404),
        ("/mcp/x", 404),
        ("/webhook/memory/ingest", 401),
        ("/WEBHOOK-TEST/x", 404),
        ("/%77ebhook-test/x", 404),
        ("//webhook-test/x", 404),
    ],
)
def test_no_other_path_goes_round_the_key_or_the_password(door, path, status):
    assert status == _get(door, path).status, f"{path} must not reach n8n unasked"


@pytest.mark.req("S3-07")
def test_the_owner_signs_in_and_nobody_can_claim_the_instance(world, door):
    import base64

    password = world.credentials["n8n-owner-password"]
    allowed = {"Authorization": "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()}

    assert 200 == _get(door, "/", allowed).status, "the right password opens the editor"
    assert 401 == _get(door, "/", {"Authorization": "Basic YWRtaW46d3Jvbmc="}).status, "a wrong one does not"
    lower = {"Authorization": allowed["Authorization"].replace("Basic ", "bAsic  ")}
    assert 401 != _get(door, "/", lower).status, "a scheme has no case (RFC 7235)"


@pytest.mark.req("S3-09")
def test_plain_http_only_redirects(door, world):
    port = int(
        re.search(
            r'"80/tcp":\s*\[\{[^}]*"HostPort":\s*"(\d+)"',
            json.dumps(world.inspect("ai-caddy")["NetworkSettings"]["Ports"]),
        ).group(1)
    )
    host = urlsplit(door.base_url).hostname
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    connection.request("GET", "/webhook/x", headers={"Host": host})
    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert 301 == answer.status, "nothing is served in plain"
    assert f"{door.base_url}/webhook/x" == answer.getheader("Location"), "the port outside, not the one inside"


def test_an_unknown_host_name_has_no_upstream(door):
    assert _get(door, "/", host="other.example.com").status in {404, 421}, "a stranger's name leads nowhere"


def test_the_security_headers_are_there(door):
    headers = dict(_get(door, "/").getheaders())

    assert "max-age=63072000; includeSubDomains" == headers.get("Strict-Transport-Security"), headers
    assert "nosniff" == headers.get("X-Content-Type-Options"), headers
    assert "Server" not in headers, "no version for scanners"


@pytest.mark.req("S3-02", "S3-13", "S3-14")
def test_only_the_proxy_is_published_and_only_on_loopback(world):
    published = {
        name: {
            binding["HostIp"]
            for bindings in (world.inspect(name)["NetworkSettings"]["Ports"] or {}).values()
            for binding in bindings or []
        }
        for name in SERVICES
    }

    assert {"ai-caddy": {"127.0.0.1"}} == {name: found for name, found in published.items() if found}, published


@pytest.mark.req("NW-21")
def test_the_readmes_psql_shows_the_rows_of_the_tenant_that_it_names(world, door):
    """The README's own line, but for the terminal and the container's name in this stack."""
    body = {"tenant_id": "t1", "scope": "user:123", "text": "Hello", "source": "api"}
    assert door.call("memory/ingest", body)[0] in {200, 201}, "the README's example before it"
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    line = re.search(r"`(docker exec [^`]*psql[^`]*)`", readme)
    assert line, "the README shows how to look into the database"
    argv = [world.containers.get(word, word) for word in shlex.split(line[1].replace(" -it ", " "))]
    done = subprocess.run([*argv, "-Atc", "SELECT count(*) FROM memories"], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1, "a newcomer saw 0 rows after storing one"
