"""A service of one's own that is deployed by its image: what the tests of deployments start and measure."""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support.containers import docker
from toolchain.images import store

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


def template(name: str, reference: str, port: int, network: str, run=docker) -> None:
    """What Pulumi makes of a deployed service: a container that is never started."""
    run(
        *("create", "--name", f"{name}-template", "--network", network, "--user", "10001:10001"),
        *("--label", f"homeport.template={name}", "--label", f"homeport.image={reference}"),
        *("--label", "homeport.gate=20", "--label", "homeport.pids=64", "--label", "homeport.test=deploy"),
        *("--read-only", "--cap-drop", "ALL", "--publish", f"127.0.0.1:{port}:8080", "--env", "GREETING=hello"),
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
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=60)
            try:
                connection.request(verb, "/work", b"x" if verb == "POST" else None, {"Host": self._host})
                answer = connection.getresponse()
                came = answer.read().decode() if answer.status == 200 else f"status {answer.status} to {verb}"
            except (OSError, http.client.HTTPException) as problem:
                came = f"{type(problem).__name__} to {verb}"
            finally:
                connection.close()
            self.answers[came] += 1
            self.longest = max(self.longest, time.monotonic() - begun)


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
