"""A door before an emulated cloud at which the calls of single cells go wrong.

The emulators' own faults strike by method and path, so one stack could try one at a time. Here each call is known by the object that it
is about: its name stands in the body that makes it, its id in every later path. So hundreds of faults are tried by one `pulumi up`.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

CELL = re.compile(r"zq\d{3}")
"""A cell's name. No hexadecimal id contains one."""
PAGE = b"<html><body><h1>error</h1></body></html>"


@dataclass(frozen=True)
class Fault:
    """One kind of trouble.

    Attributes:
        name: For the table.
        kind: ``status``, ``html``, ``hang``, ``reset`` (nothing is done); ``lost``, ``truncated``, ``failed`` (it is done); ``slow``.
        status: HTTP status of ``status`` and ``html``.
        code: The API's own error code, by cloud; empty: no body at all.
        headers: Of the answer.
        times: How many calls of a cell it strikes.
        seconds: How long ``hang`` and ``slow`` last.
        says: What a refusal must tell, as a regular expression; empty: the same update must succeed.
        clouds: Where it happens.
        methods: To which calls it happens; empty: to all.
    """

    name: str
    kind: str
    status: int = 0
    code: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    times: int = 1
    seconds: float = 0.0
    says: str = ""
    clouds: tuple[str, ...] = ("hetzner", "cloudflare")
    methods: tuple[str, ...] = ()


@dataclass
class Strike:
    """A fault that waits for the calls of one cell, and what came of it.

    Attributes:
        method: HTTP method of the calls.
        path: Regular expression that their path, below the API's root, must match whole.
        fault: What happens to them.
        left: How often still.
        hits: When it happened, in seconds of the monotonic clock.
        calls: How many such calls there were.
    """

    method: str
    path: str
    fault: Fault
    left: int = 0
    hits: list[float] = field(default_factory=list)
    calls: int = 0

    def __post_init__(self) -> None:
        self.left = self.fault.times


class FaultyDoor(ThreadingHTTPServer):
    """The door.

    Args:
        upstream: URL of the API behind it.
        strikes: Cell to its fault; may be changed while it serves.
    """

    daemon_threads = True
    request_queue_size = 512

    def __init__(self, upstream: str, strikes: dict[str, Strike]) -> None:
        parts = urlsplit(upstream)
        self.upstream, self.root, self.strikes = parts.netloc, parts.path, strikes
        self.ids: dict[str, str] = {}
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}{self.root}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_: object) -> None:
        """Clients hang up; that is their affair."""

    def cell(self, path: str, query: str, body: bytes) -> str:
        """The cell that a call is about; empty where none is."""
        named = CELL.search(body.decode()) if body else None
        if named:
            return named[0]
        parts = [*path.split("/"), *re.findall(r"id=(\d+)", query)]
        table = path.split("/")[1] if path.count("/") else ""
        return next((self.ids[key] for part in parts[::-1] for key in (f"{table}/{part}", part) if key in self.ids), "")

    def learn(self, path: str, cell: str, answer: bytes) -> None:
        """Remembers the ids that an answer tells of a cell."""
        try:
            said = json.loads(answer)
        except ValueError:
            return
        for key, value in said.items():
            rows = value if isinstance(value, list) else [value]
            for row in rows:
                if isinstance(row, dict) and "id" in row:
                    # Numbers are unique in their table alone, Cloudflare's ids everywhere.
                    table = "actions" if "action" in key else path.split("/")[1]
                    self.ids[f"{table}/{row['id']}" if isinstance(row["id"], int) else row["id"]] = cell

    def stop(self) -> None:
        """Ends it."""
        self.shutdown()
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FaultyDoor

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, *_: object) -> None:
        """Nothing."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        target = urlsplit(self.path)
        path = target.path.removeprefix(self.server.root)
        cell = self.server.cell(path, target.query, body)
        strike = self.server.strikes.get(cell)
        fault = None
        if strike and self.command == strike.method and re.fullmatch(strike.path, path):
            strike.calls += 1
            if strike.left > 0:
                strike.left -= 1
                strike.hits.append(time.monotonic())
                fault = strike.fault
        if fault is None or not self._instead(fault):
            self._forward(fault, path, cell, body)

    def _instead(self, fault: Fault) -> bool:
        """Does what keeps the call from being done; false when it may be done."""
        if fault.kind in ("hang", "slow"):
            time.sleep(fault.seconds)
        if fault.kind == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if fault.kind in ("hang", "reset"):
            self.close_connection = True
            self.connection.close()
            return True
        if fault.kind == "html":
            self._reply(fault.status, PAGE, (("Content-Type", "text/html"), *fault.headers))
        elif fault.kind == "status":
            self._reply(fault.status, self._refusal(fault), (("Content-Type", "application/json"), *fault.headers))
        return fault.kind in ("html", "status")

    def _refusal(self, fault: Fault) -> bytes:
        if not fault.code:
            return b""
        error = {"code": fault.code, "message": "fault made by the rehearsal"}
        if self.server.root == "/v1":
            return json.dumps({"error": error}).encode()
        row = error | {"code": int(fault.code) if fault.code.isdecimal() else 10000}
        return json.dumps({"success": False, "errors": [row], "messages": [], "result": None}).encode()

    def _forward(self, fault: Fault | None, path: str, cell: str, body: bytes) -> None:
        link = http.client.HTTPConnection(self.server.upstream, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name not in ("Host", "Connection")}
        link.request(self.command, self.path, body, headers)
        answer = link.getresponse()
        said = answer.read()
        link.close()
        if cell:
            self.server.learn(path, cell, said)
        if fault is not None and fault.kind == "lost":
            self.close_connection = True
            return
        if fault is not None and fault.kind == "truncated":
            said = said[: len(said) // 2]
        if fault is not None and fault.kind == "failed":
            said = _failed(said)
        kind = answer.headers.get("Content-Type")
        self._reply(answer.status, said, (("Content-Type", kind),) if kind else ())

    def _reply(self, status: int, body: bytes, headers: tuple[tuple[str, str], ...]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        if status != 204:  # the status that has no length
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815


def _failed(answer: bytes) -> bytes:
    """The answer with every action in it ended in an error."""
    said = json.loads(answer)
    for action in [*([said["action"]] if said.get("action") else []), *said.get("actions", [])]:
        action |= {"status": "error", "error": {"code": "action_failed", "message": "Action failed"}}
    return json.dumps(said).encode()
