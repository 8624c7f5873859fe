"""A stub in cloudflared's place: `python -m rehearsal.cloudflare.connector tunnel run --token-file FILE`.

It is not cloudflared. It takes the same token (TUNNEL_TOKEN, TUNNEL_TOKEN_FILE, --token-file) and the same words on its
command line as far as the presets use them, opens connections to the emulated edge from inside, and follows the
remotely managed ingress rules; the wire is ours (wire.py). Standard library only: with `wire.py`, `origin.py` and
`assertions.py` it runs wherever Python does.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

from rehearsal.cloudflare.origin import Origin
from rehearsal.cloudflare.wire import CONFIG, HELLO, OPEN, PING, REFUSED, WELCOME, ClosedError, Stream, Wire

VERSION: Final = "homeport-connector-stub"
_CONNECTIONS: Final = 4
_PING: Final = 10.0
_SILENCE: Final = 30.0
_DIAL: Final = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0


class RefusedError(Exception):
    """The edge does not take the token: trying again is no use."""


class Connector:
    """All connections of one connector.

    Args:
        token: The tunnel's token.
        edge: `host:port` of the edge's door for connectors, or `unix:` and a socket file.
    """

    def __init__(self, token: str, edge: str) -> None:
        self._token, self._edge, self._id = token, edge, str(uuid.uuid4())
        self._origin = Origin()
        self._lock, self._up = threading.Lock(), 0
        self.stop = threading.Event()
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
        return Wire(socket.create_connection((host.strip("[]"), int(port)), _DIAL))

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
                elif number in streams:
                    streams[number].feed(kind, payload)
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


def _token(given: argparse.Namespace) -> str:
    file = given.token_file or os.environ.get("TUNNEL_TOKEN_FILE")
    if file:
        return Path(file).read_text(encoding="utf-8").strip()
    return str(given.token or os.environ.get("TUNNEL_TOKEN", ""))


def main(arguments: list[str]) -> int:
    """Runs until SIGTERM or SIGINT; the exit status."""
    # cloudflared takes its flags before or after the words "tunnel" and "run"; so does this.
    words = [word for word in arguments if word not in ("tunnel", "run")]
    parser = argparse.ArgumentParser(prog="connector", description=__doc__)
    parser.add_argument("--token", help="the token itself (cloudflared has it; the process list shows it)")
    parser.add_argument("--token-file", help="file that holds the token")
    parser.add_argument("--edge", default=os.environ.get("TUNNEL_EDGE", ""), help="host:port or unix:FILE of the edge")
    parser.add_argument("--metrics", default=os.environ.get("TUNNEL_METRICS", ""), help="host:port of /ready")
    for ignored in ("--protocol", "--loglevel", "--retries", "--grace-period"):
        parser.add_argument(ignored, help="taken, without meaning here")
    parser.add_argument("--no-autoupdate", action="store_true", help="taken: the stub never updates itself")
    given = parser.parse_args(words)
    try:
        token = _token(given)
    except OSError as problem:
        print(f"connector stub: {problem}; name a readable file in --token-file", file=sys.stderr)
        return 2
    if not token or not given.edge:
        print("connector stub: needs TUNNEL_TOKEN or --token-file, and TUNNEL_EDGE or --edge", file=sys.stderr)
        return 2
    connector = Connector(token, given.edge)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: connector.stop.set())
    if given.metrics:
        metrics(connector, given.metrics)
    connector.run()
    if connector.refused:
        print(f"connector stub: the edge refuses the token: {connector.refused}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
