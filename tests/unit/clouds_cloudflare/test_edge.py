"""The path of a visitor: hostname, Access, tunnel, origin."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from tests.support.cloudflare import ACCOUNT, ZONE, connected, origin, wait_for

pytestmark = pytest.mark.slow

APP = "app.example.com"


@pytest.fixture
def path(cloud):
    with origin() as (service, seen):
        tunnel = cloud.tunnel(service=service)
        with connected(cloud, tunnel) as connector:
            cloud.seen, cloud.tunnel_id, cloud.connector, cloud.service = seen, tunnel, connector, service
            yield cloud


def test_a_request_reaches_the_origin_only_through_the_connection_from_inside(path):
    status, body, _ = path.visit(APP, "/a?b=c", "POST", body=b"x" * 200_000)
    assert (200, b"POST /a?b=c " + b"x" * 200_000) == (status, body), "method, target and a long body arrive"
    assert "app.example.com" == path.seen[0]["host"], "the origin sees the public hostname"
    path.connector.stop.set()
    path.emulator.hub.drop(path.tunnel_id)
    wait_for(lambda: not path.emulator.hub.links(path.tunnel_id))
    assert (530, b"error code: 1033") == path.visit(APP)[:2], "without a connector there is no way in"


def test_an_answer_of_unknown_length_and_one_without_body_come_through(path):
    assert (200, b"hello") == path.visit(APP, "/stream")[:2], "chunked answers are handed on"
    status, body, answer = path.visit(APP, "/x", "HEAD")
    assert (200, b"", "8") == (status, body, answer.headers["Content-Length"]), (
        "HEAD tells the length and sends nothing"
    )


def test_hostnames_that_lead_nowhere_are_told_apart(path):
    assert (409, b"error code: 1001") == path.visit("app.example.org")[:2], "a zone that is not here"
    assert (530, b"error code: 1016") == path.visit("no.example.com")[:2], "a name without a record"
    record = {"type": "A", "name": "direct", "content": "192.0.2.1", "proxied": True, "ttl": 1}
    path.made("POST", f"/zones/{ZONE}/dns_records", record)
    assert 523 == path.visit("direct.example.com")[0], "no machine outside is ever contacted"
    record = {"type": "CNAME", "name": "*", "content": f"{path.tunnel_id}.cfargotunnel.com", "proxied": True, "ttl": 1}
    path.made("POST", f"/zones/{ZONE}/dns_records", record)
    assert 404 == path.visit("other.example.com")[0], "a name without an ingress rule falls to the catch-all"


def test_a_changed_ingress_rule_reaches_the_running_connector(path):
    path.route(path.tunnel_id, [{"hostname": APP, "path": "^/in", "service": path.service}])
    wait_for(lambda: path.visit(APP, "/out")[0] == 404)
    assert 200 == path.visit(APP, "/in")[0], "paths are matched by regular expression"
    path.route(path.tunnel_id, [{"hostname": APP, "service": "http://127.0.0.1:9"}])
    wait_for(lambda: path.visit(APP, "/in")[0] == 502)


def test_a_connector_with_an_outdated_token_is_refused(cloud):
    tunnel = cloud.tunnel()
    path = f"/accounts/{ACCOUNT}/cfd_tunnel/{tunnel}"
    with connected(cloud, tunnel) as connector:
        assert (400, 1022) == cloud.refusal("DELETE", path), "a connected tunnel is not deleted"
        assert "degraded" == cloud.made("GET", path)["status"], "two connections are fewer than four"
        assert 1 == len(cloud.made("GET", path + "/connections")), "one connector holds both"
        cloud.made("PATCH", path, {"tunnel_secret": "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg="})
        assert 2 == connector.ready, "connections that stand stay"
        cloud.made("DELETE", path + "/connections")
        wait_for(lambda: connector.refused)
        wait_for(lambda: cloud.made("GET", path)["status"] == "down")
    assert "Unauthorized: Invalid tunnel secret" == connector.refused, "the old token is told to be wrong"
    cloud.made("DELETE", path)


def test_connectors_come_back_after_the_edge_was_restarted(path):
    path.restart()
    wait_for(lambda: path.connector.ready == 2)
    assert 200 == path.visit(APP)[0], "state, token and configuration outlive the restart"


def test_a_socket_file_serves_connectors_without_a_network(cloud):
    with origin() as (service, _):
        tunnel = cloud.tunnel(service=service)
        with connected(cloud, tunnel, f"unix:{cloud.emulator.folder / 'tunnel.sock'}"):
            assert 200 == cloud.visit(APP)[0], "the same wire over a socket file"


def test_an_upgraded_connection_carries_both_directions(path):
    host, port = urlsplit(path.emulator.edge_url).netloc.split(":")
    with socket.create_connection((host, int(port)), 10) as sock:
        sock.sendall(f"GET /ws HTTP/1.1\r\nHost: {APP}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".encode())
        got = b""
        while b"\r\n\r\n" not in got:
            got += sock.recv(1000)
        assert got.startswith(b"HTTP/1.1 101"), "the origin's consent is handed on"
        sock.sendall(b"ping")
        assert b"PING" == sock.recv(100), "bytes go up and come back"


def test_a_request_that_could_be_read_in_two_ways_is_refused(path):
    host, port = urlsplit(path.emulator.edge_url).netloc.split(":")
    for lines in (
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: 5\r\nContent-Length: 6",
        "Transfer-Encoding: xchunked",
        "Host: other.example.com",
    ):
        with socket.create_connection((host, int(port)), 10) as sock:
            sock.sendall(f"POST / HTTP/1.1\r\nHost: {APP}\r\n{lines}\r\n\r\n0\r\n\r\n".encode())
            assert sock.recv(100).startswith(b"HTTP/1.1 400"), f"ambiguous: {lines}"
    assert [] == path.seen, "none of them reached the origin"
