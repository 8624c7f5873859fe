"""An emulated Cloudflare for tests, its API, its visitors, and an origin that a connector stub leads to."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from rehearsal.clouds.cloudflare.emulator import Addresses, Cloudflare
from tests.support.waits import until
from toolchain.cloudflared.connector import Connector

ACCOUNT, ZONE, TOKEN, READER = "a" * 32, "c" * 32, "b" * 40, "d" * 40
PERMISSIONS = (
    "DNS",
    "Cloudflare Tunnel",
    "Access: Apps and Policies",
    "Access: Service Tokens",
    "Access: Organizations, Identity Providers, and Groups",
)
"""What a stack with a tunnel needs, each to edit."""
SEED = {ACCOUNT: {"name": "rehearsal", "team": "team", "zones": {ZONE: "example.com"}}}


@dataclass
class Cloud:
    folder: object
    addresses: Addresses = field(default_factory=Addresses)
    tokens: dict = field(default_factory=dict)
    seed: dict = field(default_factory=lambda: SEED)

    def __post_init__(self):
        tokens = {TOKEN: "edit", READER: "read", **self.tokens}
        self.emulator = Cloudflare(self.folder, self.addresses, self.seed, tokens)

    def restart(self):
        ports = {name: urlsplit(f"//{self._at(name)}").netloc for name in ("api", "edge", "tunnel")}
        self.emulator.close()
        self.emulator = Cloudflare(self.folder, Addresses(**ports), SEED, {TOKEN: "edit"})

    def _at(self, name):
        return self.emulator.tunnel if name == "tunnel" else urlsplit(getattr(self.emulator, f"{name}_url")).netloc

    def raw(self, method, path, body=None, headers=None):
        link = http.client.HTTPConnection(self._at("api"), timeout=120)
        try:
            content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
            link.request(method, path, content, headers or {})
            answer = link.getresponse()
            return answer.status, answer.read(), answer
        finally:
            link.close()

    def call(self, method, path, body=None, token=TOKEN):
        status, content, _ = self.raw(method, f"/client/v4{path}", body, {"Authorization": f"Bearer {token}"})
        return status, json.loads(content)

    def made(self, method, path, body=None):
        status, answer = self.call(method, path, body)
        assert status == 200, answer
        assert answer["success"] is True
        return answer["result"]

    def refusal(self, method, path, body=None, token=TOKEN):
        status, answer = self.call(method, path, body, token)
        assert answer["success"] is False, answer
        return status, answer["errors"][0]["code"]

    def control(self, method, path, body=None):
        bearer = {"Authorization": f"Bearer {self.emulator.control_token}"}
        status, content, _ = self.raw(method, f"/_control{path}", body, bearer)
        assert status == 200, content
        return json.loads(content)

    def visit(self, host, path="/", method="GET", headers=None, body=None, *, secured=None):
        link = http.client.HTTPConnection(self._at("edge"), timeout=120)
        link.sock = secured
        try:
            link.request(method, path, body, {"Host": host, **(headers or {})})
            answer = link.getresponse()
            return answer.status, answer.read(), answer
        finally:
            link.close()

    @contextmanager
    def secured(self, name):
        """A connection to the edge whose handshake asked for that name, or for none, and was verified."""
        url = urlsplit(self.emulator.edge_tls_url)
        context = ssl.create_default_context(cafile=self.emulator.edge_ca)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        context.check_hostname = name is not None
        with (
            socket.create_connection((url.hostname, url.port), 10) as plain,
            context.wrap_socket(plain, server_hostname=name) as secured,
        ):
            yield secured

    def tunnel(self, name="edge", host="app.example.com", service="http://127.0.0.1:1"):
        base = f"/accounts/{ACCOUNT}/cfd_tunnel"
        tunnel = self.made("POST", base, {"name": name, "config_src": "cloudflare"})["id"]
        self.route(tunnel, [{"hostname": host, "service": service}])
        record = {"type": "CNAME", "name": host, "content": f"{tunnel}.cfargotunnel.com", "proxied": True, "ttl": 1}
        self.made("POST", f"/zones/{ZONE}/dns_records", record)
        return tunnel

    def route(self, tunnel, rules):
        config = {"config": {"ingress": [*rules, {"service": "http_status:404"}]}}
        self.made("PUT", f"/accounts/{ACCOUNT}/cfd_tunnel/{tunnel}/configurations", config)

    def token_of(self, tunnel):
        return self.made("GET", f"/accounts/{ACCOUNT}/cfd_tunnel/{tunnel}/token")

    def access(self, kind, body):
        return self.made("POST", f"/accounts/{ACCOUNT}/access/{kind}", body)

    def policy(self, decision="allow", include=None, **more):
        rules = include or [{"email": {"email": "ada@example.com"}}]
        return self.access("policies", {"name": decision, "decision": decision, "include": rules, **more})["id"]

    def app(self, *policies, domain="app.example.com", **more):
        rows = [{"id": key, "precedence": number} for number, key in enumerate(policies, 1)]
        return self.access("apps", {"name": domain, "domain": domain, "type": "self_hosted", "policies": rows, **more})

    def log_in(self, email, host="app.example.com", **more):
        body = json.dumps({"email": email, **more}).encode()
        status, content, _ = self.visit(
            "team.cloudflareaccess.com", f"/cdn-cgi/access/login/{host}", "POST", None, body
        )
        return status, json.loads(content)["token"] if status == 200 else ""


@contextmanager
def connected(cloud, tunnel, address=None, connections=2):
    connector = Connector(cloud.token_of(tunnel), address or cloud.emulator.tunnel)
    threading.Thread(target=connector.run, args=(connections,), daemon=True).start()
    try:
        wait_for(lambda: connector.ready == connections)
        yield connector
    finally:
        connector.stop.set()


def wait_for(true):
    until(true, "it did not come to pass")


@contextmanager
def origin():
    """A service that says what it was asked; `seen` holds the headers of each request."""
    seen = []

    class Answers(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self):
            length = int(self.headers.get("Content-Length", 0))
            body = self.rfile.read(length)
            seen.append({name.lower(): value for name, value in self.headers.items()})
            if self.headers.get("Upgrade"):
                self.send_response(101)
                self.send_header("Connection", "Upgrade")
                self.send_header("Upgrade", "websocket")
                self.end_headers()
                while piece := self.rfile.read1(100):
                    self.wfile.write(piece.upper())
                self.close_connection = True
                return
            request = f"{self.command} {self.path} ".encode() + body
            self.send_response(200)
            if self.path.startswith("/stream"):
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                self.wfile.write(b"5\r\nhello\r\n0\r\n\r\n")
                return
            self.send_header("Content-Length", str(len(request)))
            self.end_headers()
            self.wfile.write(b"" if self.command == "HEAD" else request)

        do_POST = do_HEAD = do_GET  # noqa: N815  (names of http.server)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        server.server_close()
