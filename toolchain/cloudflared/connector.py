"""A stub in cloudflared's place: all connections of one connector to the emulated edge; command.py is its command line.

It is not cloudflared: the wire is ours (wire.py). It opens connections from inside, and follows the ingress rules of
its own file or the remotely managed ones. Standard library only, and PyYAML for a file: with the modules it imports it
runs wherever Python does.
"""

from __future__ import annotations

import ipaddress
import json
import socket
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

from toolchain.cloudflared.origin import Origin
from toolchain.cloudflared.wire import CONFIG, HELLO, OPEN, PING, REFUSED, WELCOME, ClosedError, Stream, Wire
from toolchain.stopping import Stop

if TYPE_CHECKING:
    from collections.abc import Callable

VERSION: Final = "homeport-connector-stub"
_CONNECTIONS: Final = 4
_PING: Final = 10.0
_SILENCE: Final = 30.0
_DIAL: Final = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


class RefusedError(Exception):
    """The edge does not take the token, or is none of a rehearsal's: trying again is no use."""


class Connector:
    """All connections of one connector.

    Args:
        token: The tunnel's token.
        edge: `host:port` of the edge's door for connectors, or `unix:` and a socket file.
        local: What the file of a locally managed tunnel says.
        connected: Called with every connection that stands.
    """

    def __init__(
        self,
        token: str,
        edge: str,
        local: dict[str, Any] | None = None,
        connected: Callable[[], None] = lambda: None,
    ) -> None:
        self._token, self._edge, self._id = token, edge, str(uuid.uuid4())
        self._origin, self._connected = Origin(local), connected
        self._lock, self._up = threading.Lock(), 0
        self.stop = Stop()
        self.refused = ""

    @property
    def ready(self) -> int:
        """How many connections stand."""
        with self._lock:
            return self._up

    def run(self, connections: int = _CONNECTIONS) -> None:
        """Holds the connections until `stop` is set, dialling again with growing pauses."""
        threads = [threading.Thread(target=self._hold, daemon=True) for _ in range(connections)]
        for thread in threads:
            thread.start()
        self.stop.wait()

    def _hold(self) -> None:
        pause = _FIRST_PAUSE
        while not self.stop.is_set():
            begun = time.monotonic()
            try:
                self._serve(self._dial())
            except RefusedError as refusal:
                self.refused = str(refusal)
                self.stop.set()
            except (ClosedError, OSError, ValueError) as gone:
                pause = _FIRST_PAUSE if time.monotonic() - begun > _LONGEST_PAUSE else min(pause * 2, _LONGEST_PAUSE)
                print(
                    f"connector stub: connection to the edge lost, next try in {pause:.1f} s: {gone}", file=sys.stderr
                )
            self.stop.wait(pause)

    def _dial(self) -> Wire:
        if self._edge.startswith("unix:"):
            sock = socket.socket(socket.AF_UNIX)
            sock.settimeout(_DIAL)
            sock.connect(self._edge.removeprefix("unix:"))
            return Wire(sock)
        host, _, port = self._edge.rpartition(":")
        addresses = {str(row[4][0]) for row in socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)}
        strange = sorted(one for one in addresses if ipaddress.ip_address(one).is_global)
        if strange:
            # The stub has cloudflared's own default; only /etc/hosts of a rehearsal's machine leads it to the emulated
            # edge.
            raise RefusedError(
                f"{host} is {', '.join(strange)}, on the internet; the stub speaks to a rehearsal's edge alone"
            )
        return Wire(socket.create_connection((min(addresses), int(port)), _DIAL))

    def _serve(self, wire: Wire) -> None:
        try:
            wire.send_json(0, HELLO, {"token": self._token, "connector": self._id, "version": VERSION})
            _, kind, payload = wire.receive(_DIAL)
            if kind == REFUSED:
                raise RefusedError(json.loads(payload)["error"])
            if kind != WELCOME:
                raise ClosedError("no welcome")
            self._origin.configure(json.loads(payload))
            self._count(1)
            self._connected()
            try:
                self._pump(wire)
            finally:
                self._count(-1)
        finally:
            wire.close()

    def _count(self, step: int) -> None:
        with self._lock:
            self._up += step

    def _pump(self, wire: Wire) -> None:
        streams: dict[int, Stream] = {}
        threading.Thread(target=self._ping, args=(wire,), daemon=True).start()
        try:
            while True:
                number, kind, payload = wire.receive(_SILENCE)
                if kind == CONFIG:
                    self._origin.configure(json.loads(payload))
                elif kind == OPEN:
                    # dict operations on one key are atomic: the worker takes its stream out, this thread puts it in.
                    streams[number] = Stream(wire, number)
                    work = (streams, streams[number], json.loads(payload))
                    threading.Thread(target=self._work, args=work, daemon=True).start()
                elif stream := streams.get(number):
                    stream.feed(kind, payload)
        finally:
            for stream in list(streams.values()):
                stream.cut()

    def _work(self, streams: dict[int, Stream], stream: Stream, request: dict[str, Any]) -> None:
        try:
            self._origin.serve(stream, request)
        except ClosedError:
            # The visitor or the edge went away: nobody waits for the answer.
            return
        finally:
            streams.pop(stream.number, None)

    def _ping(self, wire: Wire) -> None:
        while not self.stop.wait(_PING):
            try:
                wire.send(0, PING)
            except ClosedError:
                return


def metrics(connector: Connector, address: str) -> ThreadingHTTPServer:
    """Serves `/ready` (200 with at least one connection, else 503) and `/healthcheck`, as cloudflared does."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            count = connector.ready
            status = 200 if self.path != "/ready" or count else 503
            known = self.path in ("/ready", "/healthcheck")
            body = json.dumps({"status": status, "readyConnections": count}).encode()
            self.send_response(status if known else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    host, _, port = address.rpartition(":")
    server = ThreadingHTTPServer((host or "127.0.0.1", int(port)), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
