"""The preset jett on this machine's Docker, and what belongs to the local machine: callers, the client, the handler."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from rehearsal.claims.expected import expected
from tests.support import subnets
from tests.support.checkout import ROOT
from tests.support.scratch import Scratch, docker, free_port

PORTS = tuple(name for name, service in expected("jett").services.items() if service.port)
CLIENT = ROOT / "apps" / "heartbeat" / "heartbeat.py"


class Jett:
    """One stack, with a network whose gateway is where the handler listens."""

    def __init__(self, folder) -> None:
        subnet = subnets.block("10.232")
        self.gateway = f"{subnet}.1"
        self.handler_port = free_port()
        self.ports = {name: free_port() for name in PORTS}
        self.folder = folder
        self.stack = Scratch(
            folder,
            preset="jett",
            services={name: {"port": port} for name, port in self.ports.items()},
            networks={
                "jett_default": f"{subnet}.0/25",
                "jett_apps": f"{subnet}.128/26",
                "jett_admin": f"{subnet}.192/26",
            },
            options={
                "heartbeat-seconds": "1",
                # Of a second each: as long as a busy machine may take between a beat and what depends on it.
                "missed-beats": "15",
                "qdrant-size": "384",
                "handler-url": f"http://{self.gateway}:{self.handler_port}/requests",
            },
        )
        self.secrets: dict[str, str] = {}

    def up(self) -> None:
        done = self.stack.up()
        assert done.returncode == 0, done.stdout + done.stderr
        shown = self.stack.pulumi("stack", "output", "--json", "--show-secrets")
        self.secrets = json.loads(shown.stdout)["credentials"]
        (self.folder / "api_key").write_text(self.secrets["n8n-webhook-api-key"])

    def container(self, service: str) -> str:
        return f"{self.stack.name}-{service}"

    def call(
        self, path: str, body: object, *, key: bool = True, headers: dict | None = None, seconds: float = 60
    ) -> tuple[int, dict]:
        """Status and JSON that n8n answers; 0 where nobody answers."""
        fields = {"Content-Type": "application/json", **(headers or {})}
        if key:
            fields["X-API-Key"] = self.secrets["n8n-webhook-api-key"]
        url = f"http://127.0.0.1:{self.ports['n8n']}{path}"
        try:
            with urllib.request.urlopen(
                urllib.request.Request(url, json.dumps(body).encode(), fields), timeout=seconds
            ) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            text = error.read()
            return error.code, json.loads(text) if text.startswith(b"{") else {}
        except (OSError, http.client.HTTPException, ValueError):
            return 0, {}  # cut off in the middle, or before

    def sql(self, text: str, **variables: int) -> str:
        """What a script answers over the container's own socket."""
        return docker(
            "exec",
            "-i",
            self.container("postgres"),
            "psql",
            "-XAtq",
            "-U",
            "jett",
            "-d",
            "jett",
            "-v",
            "ON_ERROR_STOP=1",
            *(part for name, value in variables.items() for part in ("-v", f"{name}={value}")),
            "-f",
            "-",
            stdin=text,
        ).strip()

    def psql(self, user: str, password: str, database: str) -> subprocess.CompletedProcess[str]:
        """A login through the published port, as from the VPN."""
        return subprocess.run(
            [
                "docker",
                "run",
                "--rm",
                "-i",
                "--network",
                "host",
                "--label",
                f"homeport.stack={self.stack.name}",
                "-e",
                "PGPASSWORD",
                "--entrypoint",
                "psql",
                "postgres:15.19-alpine",
                "-XAtqw",
                "-h",
                "127.0.0.1",
                "-p",
                str(self.ports["postgres"]),
                "-U",
                user,
                "-d",
                database,
                "-c",
                "SELECT current_user",
            ],
            env={**os.environ, "PGPASSWORD": password},
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    def client(self, *argv: str, interval: float = 0.3) -> subprocess.Popen[str]:
        """The client of the local machine, as its user would start it."""
        return subprocess.Popen(
            [sys.executable, "-E", "-s", "-B", str(CLIENT), *argv],
            env={
                "PATH": os.environ["PATH"],
                "HEARTBEAT_URL": f"http://127.0.0.1:{self.ports['n8n']}/webhook/heartbeat",
                "INTERVAL": str(interval),
                "HANDLER_URL": f"http://{self.gateway}:{self.handler_port}/requests",
                "API_KEY_FILE": str(self.folder / "api_key"),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    @contextmanager
    def running_client(self):
        """The client for as long as the block lasts."""
        process = self.client()
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=120)

    def remove(self) -> None:
        self.stack.remove()


class Handler:
    """A handler that does each item once: the work is noted under the item's id in the same step.

    Attributes:
        effects: The items, each once.
        news: What was posted to ``/news`` instead.
    """

    def __init__(self, address: str, port: int) -> None:
        self.effects: list[dict] = []
        self.news: list[dict] = []
        self.calls = 0
        self.status = 200
        self.pause = 0.0
        self.worked = threading.Event()
        self._known: set[int] = set()
        self._lock = threading.Lock()
        outer = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                item = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if self.path == "/news":
                    outer.news.append(item)
                    status = 200
                else:
                    assert str(item["id"]) == self.headers["Idempotency-Key"]
                    status = outer.take(item)
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                except OSError:
                    return  # the caller was killed

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer((address, port), Answer)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def take(self, item: dict) -> int:
        with self._lock:
            self.calls += 1
            if self.status == 200 and item["id"] not in self._known:
                self._known.add(item["id"])
                self.effects.append(item)
            status = self.status
        self.worked.set()
        # After the work and before the answer: where a kill loses the receipt.
        time.sleep(self.pause)
        return status

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
