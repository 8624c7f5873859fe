"""HTTP or HTTPS on loopback, and where it is asked for on the network of a rehearsal's machines; nowhere else."""

from __future__ import annotations

import io
import ipaddress
import json
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping

_LONGEST_BODY: Final = 16 * 1024 * 1024
_NO_CONTENT: Final = 204

MACHINES: Final = ipaddress.ip_network("198.18.0.0/15")
"""Where the rehearsed machines are, the rehearsal's "internet".

A Docker bridge of this machine in the range that RFC 2544 keeps for tests, routed nowhere.
"""


class NotLoopbackError(Exception):
    """Somebody asked for an address that others could reach."""


def loopback(address: str, *, machines: bool = False) -> tuple[str, int]:
    """Host and port of `host:port`.

    Args:
        address: Numeric host and port.
        machines: Whether an address in `MACHINES` will do as well.

    Raises:
        NotLoopbackError: It is no numeric loopback address: the emulator knows no real passwords and guards nothing.
    """
    host, _, port = address.rpartition(":")
    host = host.strip("[]")
    try:
        ip = ipaddress.ip_address(host)
        local = (ip.is_loopback or (machines and ip in MACHINES)) and port.isdecimal()
    except ValueError:
        local = False
    if not local:
        kinds = f"loopback address, nor in {MACHINES}," if machines else "loopback address"
        raise NotLoopbackError(f"{address!r} is no {kinds} with a port: use 127.0.0.1:0 for a free port")
    return host, int(port)


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
        if length > _LONGEST_BODY:
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
            if not line.endswith(b"\r\n") or size < 0 or len(whole) + size > _LONGEST_BODY:
                raise BadRequestError("a chunk that is none")
            whole += self.rfile.read(size)
            end = self.rfile.readline(1024)
            while size == 0 and end not in (b"\r\n", b""):
                end = self.rfile.readline(1024)
            if end != b"\r\n":
                raise BadRequestError("a chunk without an end")
            if size == 0:
                return whole

    def reply(
        self, status: int, body: bytes, headers: Iterable[tuple[str, str]] = (), *, truncated: bool = False
    ) -> None:
        """Answers in one piece; `truncated` announces the whole length, sends half of it and hangs up."""
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != _NO_CONTENT:
            self.send_header("Content-Length", str(len(body)))
        self._finish(b"" if self.command == "HEAD" else body[: len(body) // 2] if truncated else body)
        if truncated:
            self.close_connection = True

    def reset(self) -> None:
        """Ends the connection as a computer does that forgot about it: with RST, without an answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
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
        machines: Whether rehearsed machines may come too, see `loopback`.
        tls: What it takes its handshakes from; None for plain HTTP.

    Raises:
        NotLoopbackError: Others could reach the address.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(
        self, address: str, handler: type[Handler], *, machines: bool = False, tls: ssl.SSLContext | None = None
    ) -> None:
        self._tls = tls
        host, port = loopback(address, machines=machines)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        super().__init__((host, port), handler)

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Serves one connection in a thread of its own; the handshake is there too, and holds up nobody else."""
        if self._tls is None:
            super().finish_request(request, client_address)
            return
        request.settimeout(Handler.timeout)
        with self._tls.wrap_socket(request, server_side=True) as secured:
            super().finish_request(secured, client_address)

    def handle_error(self, *_arguments: object) -> None:
        """Says nothing of clients that hang up."""

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self.server_address[:2]
        shown = f"[{host!s}]" if ":" in str(host) else str(host)
        return f"{'https' if self._tls else 'http'}://{shown}:{port}"

    def start(self) -> Self:
        """Serves in a thread of its own until `stop`."""
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def stop(self) -> None:
        """Ends it; requests under way are left to their threads."""
        self.shutdown()
        self.server_close()
