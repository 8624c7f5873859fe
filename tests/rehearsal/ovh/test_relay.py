"""A relay hands webhooks on: two real proxies on two addresses, the second reached by the first alone."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import socket
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from homeport.render.files import first_routes, routes, service_files
from tests.rehearsal.ovh.test_certificates import KEYS, deliver, logs, served
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.relay import HOOK, N8N, authority, blueprint
from tests.support.waits import until
from toolchain.images.recipes.caddy_ovh.recipe import RECIPE as CADDY

pytestmark = pytest.mark.docker
AI, VPN = 30, 31
HARDENED = ("--read-only", "--cap-drop", "ALL", "--cap-add", "NET_BIND_SERVICE", "--security-opt", "no-new-privileges")


class N8n(BaseHTTPRequestHandler):
    """What stands behind the second proxy: it tells what has reached it."""

    def _tell(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        told = {
            "method": self.command,
            "path": self.path,
            "body": body.decode("latin-1"),
            "headers": dict(self.headers),
        }
        answer = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = _tell  # noqa: N815

    def log_message(self, *_arguments):
        pass


@pytest.fixture(scope="module")
def n8n(place):
    server = ThreadingHTTPServer((f"{place.block}.1", 0), N8n)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def proxy(place, name, number, made, port):
    """One of the two, with the files that the stack gives it."""
    service = made.service(name)
    laid = routes(service_files(made, service, ROOT), KEYS, "key")
    volume, data = place.volume(f"{name}-files"), place.volume(f"{name}-data")
    deliver(volume, first_routes(service))
    deliver(volume, laid.bundle)
    docker("run", "--rm", "--user", "0", "-v", f"{data}:/data", CADDY.image, "chown", "-R", "10001:10001", "/data")
    config = f"/etc/homeport/{laid.mark}"
    # n8n is found by its name on a network of both; here it is this machine, at a free port.
    here = f"s#reverse_proxy n8n:5678#reverse_proxy {place.block}.1:{port}#"
    run = f"cd {config} && sed '{here}' Caddyfile > /config/Caddyfile"
    run += f" && sed -i 's#import guards#import {config}/guards#' /config/Caddyfile"
    return place.container(
        name,
        CADDY.image,
        number,
        *HARDENED,
        *("--user", "10001:10001", "-v", f"{volume}:/etc/homeport:ro", "-v", f"{data}:/data"),
        *("--tmpfs", "/config:rw,uid=10001,gid=10001,mode=0700", "--tmpfs", "/tmp:rw,mode=1777"),
        *("--env", "XDG_DATA_HOME=/data", "--env", "XDG_CONFIG_HOME=/config"),
        command=("sh", "-c", f"{run} && exec caddy run --adapter caddyfile --config /config/Caddyfile"),
    )


@pytest.fixture(scope="module")
def relay(place, n8n):
    made = blueprint(f"{place.block}.{AI}", image=CADDY.image, authority=authority(place))
    names = [proxy(place, name, number, made, n8n) for name, number in (("caddy", AI), ("caddy-vpn", VPN))]
    context = ssl.create_default_context(cadata=place.roots())
    for name, number, host in zip(names, (AI, VPN), (N8N, HOOK), strict=True):
        try:
            until(lambda: served(place, number, context, host), "a certificate is shown")  # noqa: B023
        except AssertionError as late:
            raise AssertionError(f"{late}\n{logs(name)}") from None
    return place, context, names


def sent(relay, request, host=HOOK):
    """Status and body of the answer to a request as it is written, byte by byte: no client tidies its path."""
    place, context, _ = relay
    with (
        socket.create_connection((f"{place.block}.{VPN}", 443), timeout=90) as link,
        context.wrap_socket(link, server_hostname=host) as secured,
    ):
        secured.sendall(request)
        answer = http.client.HTTPResponse(secured)
        answer.begin()
        return answer.status, answer.read()


def asked(relay, path, method="GET", body=b"", **headers):
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOOK}", "Connection: close", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return sent(relay, "\r\n".join([*lines, "", ""]).encode() + body)


@pytest.mark.req("FP-18", "S5-63")
def test_a_webhook_arrives_as_it_was_sent(relay):
    body = bytes(range(256)) * 8 + b'{"entry": [1]}'
    signature = "sha256=" + hmac.new(b"secret", body, hashlib.sha256).hexdigest()
    status, answer = asked(relay, "/webhook/meta?x=%2F&y", "POST", body, X_Hub_Signature_256=signature)
    told = json.loads(answer)
    assert (200, "POST", "/webhook/meta?x=%2F&y") == (status, told["method"], told["path"])
    assert body == told["body"].encode("latin-1"), "a signature holds for the very bytes"
    assert signature == told["headers"]["X-Hub-Signature-256"]
    assert N8N == told["headers"]["Host"], "the other proxy tells its routes by name"


@pytest.mark.req("FP-18", "S5-63")
def test_metas_question_whether_the_address_is_ours_arrives(relay):
    query = "hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=a%20token"
    status, answer = asked(relay, f"/webhook/meta?{query}")
    assert (200, f"/webhook/meta?{query}") == (status, json.loads(answer)["path"])


@pytest.mark.req("FP-18", "S5-63")
@pytest.mark.parametrize(
    "path",
    [
        *("/", "/rest/login", "/webhook", "/webhooks/x", "/WEBHOOKX/", "/healthz", "/metrics"),
        *("/webhook/../rest/login", "/webhook/%2e%2e/rest/login", "/webhook/..%2frest/login", "/webhook//../../rest"),
        *("/./webhook/../rest", "//webhook/../rest/login", "/webhook/x/%2e%2e/%2e%2e/rest/login"),
    ],
)
def test_no_other_path_passes_however_it_is_written(relay, path):
    assert 404 == asked(relay, path)[0]


@pytest.mark.req("FP-18")
@pytest.mark.parametrize("name", ["Host", "X-Forwarded-Host"])
def test_another_name_than_its_own_leads_nowhere(relay, name):
    lines = ["GET /rest/login HTTP/1.1", f"{name}: {N8N}", "Connection: close"]
    lines += [] if name == "Host" else [f"Host: {HOOK}"]
    status, _ = sent(relay, "\r\n".join([*lines, "", ""]).encode())
    assert status in {404, 421}, "the name of the certificate and the one that is asked for are the same"


@pytest.mark.req("FP-18", "S5-63")
def test_while_the_other_host_is_away_the_answer_is_short_and_says_so(relay):
    _, _, (other, _) = relay
    docker("pause", other)
    try:
        status, body = asked(relay, "/webhook/meta", "POST", b"{}")
    finally:
        docker("unpause", other)
    assert (502, f"{HOOK}: the host behind this name does not answer") == (status, body.decode())
    docker("stop", "--time", "1", other)
    status, body = asked(relay, "/webhook/meta", "POST", b"{}")
    assert (502, True) == (status, len(body) < 100), "no connection at all"
    docker("start", other)
    until(lambda: asked(relay, "/webhook/meta")[0] == 200, "it is back as soon as the other host is")
