"""A Git server behind HTTPS on loopback that asks for a name and a token, by Git's own program for web servers."""

from __future__ import annotations

import base64
import contextlib
import os
import ssl
import subprocess
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def certificate(folder: Path) -> Path:
    """A certificate of 127.0.0.1 with its key, which is its own authority."""
    folder.mkdir()
    file = folder / "server.pem"
    argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    argv += ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    argv += ["-keyout", str(folder / "key.pem"), "-out", str(file)]
    subprocess.run(argv, check=True, capture_output=True)
    file.write_bytes(file.read_bytes() + (folder / "key.pem").read_bytes())
    return file


class Handler(BaseHTTPRequestHandler):
    """One request: refused, led elsewhere, or handed to git http-backend (CGI, RFC 3875)."""

    server: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        if self.server.leads_to:
            return self._answer(HTTPStatus.FOUND, {"Location": f"{self.server.leads_to}{self.path}"})
        known = base64.b64encode(f"{self.server.user}:{self.server.token}".encode()).decode()
        if self.headers.get("Authorization") != f"Basic {known}":
            return self._answer(HTTPStatus.UNAUTHORIZED, {"WWW-Authenticate": 'Basic realm="git"'})
        return self._handed()

    do_POST = do_GET  # noqa: N815  # as the standard library calls it

    def _handed(self):
        path, _, query = self.path.partition("?")
        env = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "REMOTE_USER": self.server.user,
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": self.headers.get("Content-Length", "0"),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        done = subprocess.run(["git", "http-backend"], env=env, input=body, capture_output=True, check=True)
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        status = HTTPStatus(int(fields.pop("Status", "200").split()[0]))
        return self._answer(status, fields, content)

    def _answer(self, status, fields, content=b""):
        self.send_response(status)
        for name, value in {**fields, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Nothing of it is printed."""


class GitServer(ThreadingHTTPServer):
    """Serves the bare repositories of a folder.

    Attributes:
        user, token: What it asks for.
        leads_to: Origin that every request is sent on to; empty: none is.
        asked: Each request's path, and its Authorization.
    """

    daemon_threads = True

    def __init__(self, folder: Path, pem: Path):
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.folder, self.origin = folder, f"https://127.0.0.1:{self.server_port}"
        self.user, self.token, self.leads_to = "git", "", ""
        self.asked: list[tuple[str, str | None]] = []

    def handle_error(self, *_):
        """Who was refused hangs up."""


@contextlib.contextmanager
def serving(folder: Path, pem: Path):
    server = GitServer(folder, pem)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
