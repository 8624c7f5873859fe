"""HTTP on loopback, and where it is asked for on the network of a rehearsal's machines; nowhere else."""

from __future__ import annotations

import io
import ipaddress
import json
import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MOST_BODY: Final = 16 * 1024 * 1024


WORLD: Final = ipaddress.ip_network("198.18.0.0/15")
"""The rehearsal's "internet": a Docker bridge of this machine in the range that RFC 2544 keeps for tests, routed nowhere."""


class NotLoopbackError(Exception):
    """Somebody asked for an address that others could reach."""


def loopback(address: str, *, world: bool = False) -> tuple[str, int]:
    """Host and port of `host:port`.

    Args:
        address: Numeric host and port.
        world: Whether an address in `WORLD` will do as well.

    Raises:
        NotLoopbackError: It is no numeric loopback address: the emulator knows no real passwords and guards nothing.
    """
    host, _, port = address.rpartition(":")
    bare = host.strip("[]")
    try:
        found = ipaddress.ip_address(bare)
        local = (found.is_loopback or (world and found in WORLD)) and port.isdecimal()
    except ValueError:
        local = False
    if not local:
        kinds = f"loopback address, nor one in {WORLD}," if world else "loopback address"
        raise NotLoopbackError(f"{address!r} is no {kinds} with a port: give 127.0.0.1:0 for a free port")
    return bare, int(port)


class BadRequestError(Exception):
    """A request that no server should guess the meaning of."""


class Handler(BaseHTTPRequestHandler):
    """One client connection."""

    protocol_version = "HTTP/1.1"
    timeout = 300
    server_version, sys_version = "homeport-rehearsal", ""

    def setup(self) -> None:
        """Sends small answers at once."""
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_arguments: object) -> None:
        """Says nothing: the journal has the calls."""

    def content(self) -> bytes:
        """The body of the request.

        Raises:
            BadRequestError: Its length is told twice, wrongly or is too great.
        """
        lengths = self.headers.get_all("Content-Length") or []
        if self.headers.get("Transfer-Encoding"):
            if lengths or self.headers["Transfer-Encoding"].strip().lower() != "chunked":
                raise BadRequestError("two ways to tell the length of one body")
            return self._chunks()
        if len(set(lengths)) > 1 or not all(text.isdecimal() for text in lengths):
            raise BadRequestError("no telling how long the body is")
        length = int(lengths[0]) if lengths else 0
        if length > _MOST_BODY:
            raise BadRequestError("the body is too long")
        return self.rfile.read(length)

    def _chunks(self) -> bytes:
        whole = b""
        while True:
            line = self.rfile.readline(1024)
            try:
                size = int(line.split(b";")[0].strip(), 16)
            except ValueError:
                raise BadRequestError("no telling how long a chunk is") from None
            if not line.endswith(b"\r\n") or size < 0 or len(whole) + size > _MOST_BODY:
                raise BadRequestError("a chunk that is none")
            whole += self.rfile.read(size)
            end = self.rfile.readline(1024)
            while size == 0 and end not in (b"\r\n", b""):
                end = self.rfile.readline(1024)
            if end != b"\r\n":
                raise BadRequestError("a chunk without an end")
            if size == 0:
                return whole

    def reply(self, status: int, body: bytes, headers: Iterable[tuple[str, str]] = (), *, cut: bool = False) -> None:
        """Answers in one piece; `cut` announces twice the length and hangs up."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body) * 2 if cut else len(body)))
        self._finish(b"" if self.command == "HEAD" else body)
        if cut:
            self.close_connection = True

    def _finish(self, body: bytes) -> None:
        """Headers and body together: apart they would wait for each other (Nagle, delayed acknowledgement)."""
        raw, self.wfile = self.wfile, io.BytesIO()
        self.end_headers()
        whole, self.wfile = self.wfile.getvalue() + body, raw
        self.wfile.write(whole)

    def reply_json(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        """Answers with JSON."""
        named = {"Content-Type": "application/json", **(headers or {})}
        self.reply(status, json.dumps(value).encode(), named.items())


class Listener(ThreadingHTTPServer):
    """A server on loopback.

    Args:
        address: `host:port`; port 0 takes a free one.
        handler: What serves a connection.
        world: Whether machines of the rehearsal may come too, see `loopback`.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: str, handler: type[Handler], *, world: bool = False) -> None:
        host, port = loopback(address, world=world)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def handle_error(self, *_arguments: object) -> None:
        """Says nothing of clients that hang up."""

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"http://{shown}:{port}"
