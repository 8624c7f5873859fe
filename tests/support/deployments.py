"""A service of one's own that is deployed by its image: what the tests of deployments start and measure."""

from __future__ import annotations

import http.client
import os
import ssl
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from tests.support.containers import docker
from toolchain.images import store

if TYPE_CHECKING:
    from collections.abc import Sequence

PROGRAM = Path(__file__).parents[2] / "apps" / "deployments" / "deployments.py"
APP = Path(__file__).parent / "small_app"
DOCKERFILE = """FROM scratch
COPY app version /
HEALTHCHECK --interval=1s --retries=3 CMD ["/app", "health"]
ENTRYPOINT ["/app"]
"""


@cache
def binary() -> bytes:
    """The small app, linked statically: a few MB, where a base image would be pushed for a minute."""
    caches = store.cache_root() / "go"
    with TemporaryDirectory() as folder:
        environ = os.environ | {
            "CGO_ENABLED": "0",
            "GOCACHE": str(caches / "build"),
            "GOFLAGS": "-trimpath -buildvcs=false",
        }
        argv = ["go", "build", "-ldflags", "-s -w", "-o", f"{folder}/app", "."]
        subprocess.run(argv, cwd=APP, env=environ, check=True)
        return Path(folder, "app").read_bytes()


def source(version: str) -> dict[str, str | bytes]:
    """The files of its image: a version with `broken` in its name answers 500 for ever, with `crash` ends at once."""
    return {"app": binary(), "version": f"{version}\n", "Dockerfile": DOCKERFILE}


def build(folder: Path, reference: str, version: str) -> None:
    """An image of it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in source(version).items():
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "app").chmod(0o755)
    docker("build", "--quiet", "--tag", reference, str(folder))


def run(*argv: str, **more) -> subprocess.CompletedProcess[str]:
    """The program, as its scripts run it."""
    return subprocess.run(
        [sys.executable, "-B", str(PROGRAM), *argv], capture_output=True, text=True, check=False, **more
    )


class Callers:
    """Asks an address again and again, GET and POST in turn, each on a connection of its own; counts what came.

    Args:
        port: Of the loopback address.
        host: By TLS, under this name; empty: neither.
        paths: Of GET and of POST.
        header: In which an answer says who gave it; empty: its body does.
    """

    def __init__(self, port: int, host: str = "", paths: Sequence[str] = ("/work", "/work"), header: str = "") -> None:
        self._port, self._host, self._stop = port, host, threading.Event()
        self._paths, self._header = dict(zip(("GET", "POST"), paths, strict=True)), header
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
            connection = self._connection()
            try:
                connection.request(verb, self._paths[verb], b"x" if verb == "POST" else None)
                came = self._who(connection.getresponse(), verb)
            except (OSError, http.client.HTTPException) as problem:
                came = f"{type(problem).__name__} to {verb}"
            finally:
                connection.close()
            self.answers[came] += 1
            self.longest = max(self.longest, time.monotonic() - begun)

    def _connection(self) -> http.client.HTTPConnection:
        if not self._host:
            return http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        anybody = ssl._create_unverified_context()  # noqa: S323  # the proxy's own authority
        return http.client.HTTPSConnection(self._host, self._port, timeout=120, context=anybody)

    def _who(self, answer: http.client.HTTPResponse, verb: str) -> str:
        body = answer.read().decode()
        if answer.status >= 500 or not (self._header or answer.status == 200):
            return f"status {answer.status} to {verb}"
        return answer.getheader(self._header, "first") if self._header else body


def answer(port: int) -> str:
    """What the small app says; empty: it does not."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/version")
        return connection.getresponse().read().decode()
    except (OSError, http.client.HTTPException):
        return ""
    finally:
        connection.close()
