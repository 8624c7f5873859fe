"""The HTTP door: a threading server on a loopback address."""

from __future__ import annotations

import ipaddress
import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from rehearsal.clouds.hetzner.service import Service


class Door(ThreadingHTTPServer):
    """The server.

    Args:
        service: What answers.
        host: Address to listen on; anything but loopback is refused with ValueError.
        port: Port, 0 for any free one.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, service: Service, host: str = "127.0.0.1", port: int = 0) -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise ValueError(f"{host} is no loopback address: the emulated API must not be reachable from elsewhere")
        self.service = service
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        """What to set as `hcloud:endpoint`."""
        host, port = self.server_address[:2]
        return f"http://{host!s}:{port}/v1"

    def start(self) -> Door:
        """Serves in a thread of its own until `stop`."""
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def stop(self) -> None:
        """Ends it; requests under way are left to their threads."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Door

    def _serve(self) -> None:
        target = urlsplit(self.path)
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        reply = self.server.service.answer(self.command, target.path, target.query, token, raw)
        if reply.dropped:
            self.close_connection = True
            return
        payload = b"" if reply.body is None else json.dumps(reply.body).encode()
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("X-Correlation-Id", uuid.uuid4().hex[:16])
        if payload:
            self.send_header("Content-Type", "application/json")
        if reply.status != 204:  # noqa: PLR2004  (the status that has no body and no length)
            self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815  (the names that http.server looks for)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing: the control endpoint has the requests."""
