"""A service of one's own that is deployed by its image: what the tests of deployments start and measure."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from tests.support.containers import docker

PROGRAM = Path(__file__).parents[2] / "apps" / "deployments" / "deployments.py"
PYTHON = "python:3.11.16-slim-bookworm"
APP = """import http.server, os, signal, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        size = int(self.headers.get("Content-Length") or 0)
        self.rfile.read(size)
        body = VERSION.encode()
        self.send_response(500 if BROKEN else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_POST = do_GET
    def log_message(self, *_): pass
print("app", VERSION, flush=True)
if CRASH: sys.exit("cannot read its settings")
server = http.server.ThreadingHTTPServer(("0.0.0.0", 8080), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
server.server_close()
"""


def source(version: str, *, broken: bool = False, crash: bool = False) -> dict[str, str]:
    """The files of the small app: `broken` answers 500 for ever, `crash` ends at once."""
    head = f"VERSION, BROKEN, CRASH = {version!r}, {broken}, {crash}\n"
    dockerfile = f'FROM {PYTHON}\nCOPY app.py /app.py\nENTRYPOINT ["python3", "/app.py"]\n'
    return {"app.py": head + APP, "Dockerfile": dockerfile}


def build(folder: Path, reference: str, version: str, **kind: bool) -> None:
    """An image of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in source(version, **kind).items():
        (folder / name).write_text(text)
    docker("build", "--quiet", "--tag", reference, str(folder))


def template(name: str, reference: str, port: int, network: str, run=docker) -> None:
    """What Pulumi makes of a deployed service: a container that is never started."""
    ask = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8080/health')"
    run(
        *("create", "--name", f"{name}-template", "--network", network, "--user", "10001:10001"),
        *("--label", f"homeport.template={name}", "--label", f"homeport.image={reference}"),
        *("--label", "homeport.gate=20", "--label", "homeport.pids=64", "--label", "homeport.test=deploy"),
        *("--read-only", "--cap-drop", "ALL", "--publish", f"127.0.0.1:{port}:8080", "--env", "GREETING=hello"),
        *("--health-cmd", f'python3 -c "{ask}"', "--health-interval", "1s", "--health-retries", "3"),
        reference,
    )


def run(*argv: str, **more) -> subprocess.CompletedProcess[str]:
    """The program, as its scripts run it."""
    return subprocess.run(
        [sys.executable, "-B", str(PROGRAM), *argv], capture_output=True, text=True, check=False, **more
    )


class Callers:
    """Asks an address again and again, GET and POST in turn, each on a connection of its own; counts what came."""

    def __init__(self, port: int, host: str = "") -> None:
        self._port, self._host, self._stop = port, host or f"127.0.0.1:{port}", threading.Event()
        self.answers: Counter[str] = Counter()
        self.longest = 0.0
        self._threads = [threading.Thread(target=self._ask, args=(verb,)) for verb in ("GET", "POST") for _ in "ab"]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_problem):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, verb: str) -> None:
        while not self._stop.wait(0.01):
            begun = time.monotonic()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
                connection.request(verb, "/work", b"x" if verb == "POST" else None, {"Host": self._host})
                answer = connection.getresponse()
                came = answer.read().decode() if answer.status == 200 else f"status {answer.status} to {verb}"
                connection.close()
            except (OSError, http.client.HTTPException) as problem:
                came = f"{type(problem).__name__} to {verb}"
            self.answers[came] += 1
            self.longest = max(self.longest, time.monotonic() - begun)


def answer(port: int) -> str:
    """What the small app says; empty: it does not."""
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/version")
        text = connection.getresponse().read().decode()
        connection.close()
    except (OSError, http.client.HTTPException):
        return ""
    return text
