"""The shared stack behind a tunnel: what Cloudflare is told, who gets in, and what a forged header is worth."""

from __future__ import annotations

import base64
import json
import socket
import subprocess

import pytest

from tests.support.cloudflare import ACCOUNT, ZONE
from tests.support.scratch import docker, inspect
from tests.support.shared import PYTHON
from tests.support.waits import until

pytestmark = pytest.mark.world
INFISICAL, API, MINE = "infisical.example.com", "api.example.com", "mine.example.com"
ECHO = """
import http.server, json
class A(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({k.lower(): v for k, v in self.headers.items()}).encode()
        self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
        self.wfile.write(body)
server = http.server.ThreadingHTTPServer(("", 8000), A)
print("listens", flush=True)
server.serve_forever()
"""


@pytest.fixture(scope="module")
def guests(tunnelled):
    """Services of other stacks that have joined the network."""
    names = ("lambda-server", "mine")
    try:
        for name in names:
            docker("run", "-d", "--name", name, "--network", "ai-network", PYTHON, "python", "-c", ECHO)
        for name in names:
            until(lambda name=name: "listens" in docker("logs", name), f"{name} listens")
        yield tunnelled
    finally:
        docker("rm", "-f", *names)


def ada(cloud, host):
    status, session = cloud.log_in("ada@example.com", host, idp=provider(cloud))
    assert status == 200, "the settings name her"
    return {"Cookie": f"CF_Authorization={session}"}


def provider(cloud):
    return cloud.made("GET", f"/accounts/{ACCOUNT}/access/identity_providers")[0]["id"]


@pytest.mark.req("S4-16", "S4-06", "S4-35", "S4-60")
def test_the_connector_is_a_container_that_publishes_nothing_and_nor_does_the_proxy(tunnelled):
    spec, caddy = inspect("cloudflared"), inspect("caddy")
    env = dict(line.split("=", 1) for line in spec["Config"]["Env"])

    assert ("http2", "/etc/homeport/token") == (env["TUNNEL_TRANSPORT_PROTOCOL"], env["TUNNEL_TOKEN_FILE"])
    assert ["ai-network"] == list(spec["NetworkSettings"]["Networks"])
    published = [
        row
        for name in tunnelled.objects("container")
        for rows in (inspect(name)["NetworkSettings"]["Ports"] or {}).values()
        for row in rows or ()
    ]
    assert [] == published, "the tunnel is opened from inside"
    assert spec["State"]["StartedAt"] > caddy["State"]["StartedAt"], "the connector waits for the proxy"
    until(lambda: inspect("cloudflared")["State"]["Health"]["Status"] == "healthy", "it is ready")


@pytest.mark.req("S4-17", "S4-27", "S4-57")
def test_the_tunnels_token_is_in_no_inspection_and_no_plain_state(tunnelled):
    token = tunnelled.outputs()["credentials"]["cloudflare-tunnel-token"]
    parts = json.loads(base64.b64decode(token))
    plain = json.dumps(tunnelled.exported())

    assert {"a", "s", "t"} == set(parts), "as cloudflared reads it"
    assert token not in json.dumps(inspect("cloudflared")), "docker inspect shows it to nobody"
    assert token not in plain
    assert parts["s"] not in plain
    audience = tunnelled.outputs()["guests"]["lambda"]["CLOUDFLARE_AUD_TAG"]
    assert audience not in plain, "nor the audience"


@pytest.mark.req("S4-19", "S4-20")
def test_cloudflare_knows_every_name_and_a_catch_all(tunnelled):
    cloud, tunnel = tunnelled.cloud, tunnelled.outputs()["tunnel_id"]
    config = cloud.made("GET", f"/accounts/{ACCOUNT}/cfd_tunnel/{tunnel}/configurations")["config"]["ingress"]
    records = cloud.made("GET", f"/zones/{ZONE}/dns_records")
    names = {INFISICAL, API, MINE, "n8n.example.com"}

    assert names == {rule["hostname"] for rule in config[:-1]}
    assert {"http://caddy:80"} == {rule["service"] for rule in config[:-1]}
    assert {"service": "http_status:404"}.items() <= config[-1].items(), "the catch-all is last"
    assert {(name, "CNAME", True) for name in names} == {(row["name"], row["type"], row["proxied"]) for row in records}


@pytest.mark.req("S4-21", "S4-22", "S4-23", "S4-24")
def test_one_policy_and_one_login_with_google_stand_before_every_name(tunnelled):
    cloud = tunnelled.cloud
    apps = cloud.made("GET", f"/accounts/{ACCOUNT}/access/apps")
    kinds = [row["type"] for row in cloud.made("GET", f"/accounts/{ACCOUNT}/access/identity_providers")]

    assert {INFISICAL, API, MINE, "n8n.example.com"} == {app["domain"] for app in apps}
    assert 1 == len({policy["id"] for app in apps for policy in app["policies"]}), "one policy for all of them"
    assert ["google"] == kinds
    handed = tunnelled.outputs()["guests"]["lambda"]
    assert {app["domain"]: app["aud"] for app in apps}[API] == handed["CLOUDFLARE_AUD_TAG"]
    assert "https://team.cloudflareaccess.com" == handed["CLOUDFLARE_AUTH_DOMAIN"]


@pytest.mark.req("S4-10", "S4-37")
def test_who_is_named_gets_in_and_the_assertion_reaches_the_guest(guests):
    cloud = guests.cloud

    assert 302 == cloud.visit(INFISICAL, "/admin/signup")[0], "the first account is made behind the login"
    assert 302 == cloud.visit(API)[0]
    assert 200 == cloud.visit(INFISICAL, "/api/status", headers=ada(cloud, INFISICAL))[0]
    status, body, _ = cloud.visit(API, "/", headers=ada(cloud, API))
    assert 200 == status
    assert 2 == json.loads(body)["cf-access-jwt-assertion"].count(".")


@pytest.mark.req("S4-54", "S4-13")
def test_an_absent_guest_is_said_to_be_absent_and_an_unknown_name_is_not_there(guests):
    cloud = guests.cloud
    status, body, _ = cloud.visit("n8n.example.com", "/", headers=ada(cloud, "n8n.example.com"))

    assert (502, True) == (status, b"does not answer" in body)
    assert 404 == _from_inside("cloudflared-like", "nobody.example.com", {})[0]


@pytest.mark.req("S4-09")
def test_the_callers_address_is_the_connectors_word_alone(guests):
    cloud = guests.cloud
    cloud.visit(MINE, "/true", headers={**ada(cloud, MINE), "Rehearsal-Visitor": "203.0.113.7"})
    _from_inside("stranger", MINE, {"CF-Connecting-IP": "203.0.113.8"}, "/forged")

    def logged():
        rows = [json.loads(line) for line in docker("logs", "caddy").splitlines() if line.startswith("{")]
        seen = {row["request"]["uri"]: row["request"]["client_ip"] for row in rows if "request" in row}
        return {"/true", "/forged"} <= seen.keys() and seen

    seen = until(logged, "the proxy notes who came, once they have their answer")
    assert "203.0.113.7" == seen["/true"], "a visitor of the tunnel is who Cloudflare says"
    assert seen["/forged"].startswith(guests.settings["networks"]["ai-network"].rpartition(".")[0])


@pytest.mark.req("S4-11")
@pytest.mark.usefixtures("guests")
def test_a_request_past_the_tunnel_is_refused():
    address = inspect("caddy")["NetworkSettings"]["Networks"]["ai-network"]["IPAddress"]
    with socket.create_connection((address, 80), 10) as link:
        link.sendall(f"GET / HTTP/1.1\r\nHost: {MINE}\r\nConnection: close\r\n\r\n".encode())
        answer = link.makefile("rb").readline()

    assert b" 403 " in answer, "whoever comes past the tunnel comes past Access"
    assert 403 == _from_inside("stranger", MINE, {})[0], "a neighbour on the network as well"


@pytest.mark.req("P-07")
def test_a_second_preview_is_empty_also_after_refresh(tunnelled):
    first = tunnelled.pulumi("preview", "--expect-no-changes", "--diff")
    refreshed = tunnelled.pulumi("refresh", "--yes", "--skip-preview")
    second = tunnelled.pulumi("preview", "--expect-no-changes", "--diff")

    assert first.returncode == 0, first.stdout + first.stderr
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert second.returncode == 0, second.stdout + second.stderr


def _from_inside(name, host, headers, path="/"):
    """Status and body, as another container of the network sees the proxy."""
    ask = (
        "import http.client,json,sys;c=http.client.HTTPConnection('caddy',80,timeout=120);"
        f"c.request('GET',{path!r},headers={{'Host':{host!r},**{headers!r}}});a=c.getresponse();"
        "print(json.dumps([a.status,a.read().decode()]))"
    )
    done = subprocess.run(
        ["docker", "run", "--rm", "--network", "ai-network", "--hostname", name, PYTHON, "python", "-c", ask],
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
