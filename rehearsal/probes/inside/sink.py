"""An HTTP server that tells of every request that it gets, and answers as it is told to.

Told: `address`, `port`, and `answers`: a list of `{"status", "body", "headers", "seconds"}` for the first requests,
whose last one stands for all later ones. `seconds` is how long it waits; status 0 drops the connection without an
answer. Says `{"listening": port}` and then one line for each request.
"""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rehearsal.probes.inside.talk import say, told, until_end


class Sink(ThreadingHTTPServer):
    """The server, with the answers that it still has to give."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, about: dict[str, Any]) -> None:
        super().__init__((about.get("address", ""), about["port"]), Handler)
        self.answers: list[dict[str, Any]] = about.get("answers") or [{"status": 200}]
        self.lock = threading.Lock()
        self.number = 0

    def note(self, request: dict[str, Any]) -> dict[str, Any]:
        """Tells of a request, and takes the answer for it."""
        with self.lock:
            answer = self.answers[min(self.number, len(self.answers) - 1)]
            say({"number": self.number, "time": time.time(), **request})
            self.number += 1
            return answer


class Handler(BaseHTTPRequestHandler):
    """Any method, any path."""

    protocol_version = "HTTP/1.1"
    server: Sink

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode(errors="replace")
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = {
            "method": self.command,
            "path": self.path,
            "headers": headers,
            "body": body,
            "from": self.client_address[0],
        }
        answer = self.server.note(request)
        time.sleep(answer.get("seconds", 0))
        if not answer["status"]:
            self.close_connection = True
            return
        text = answer.get("body", "").encode()
        self.send_response(answer["status"])
        for name, value in {**answer.get("headers", {}), "Content-Length": str(len(text))}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _any  # noqa: N815 - of the base class

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Nothing: every request is told of already."""


def main() -> None:
    """Serves until standard input ends."""
    about = told()
    sink = Sink(about)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    say({"listening": sink.server_address[1]})
    until_end().wait()


if __name__ == "__main__":
    main()
