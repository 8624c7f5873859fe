"""A server that keeps the queue's contract in memory, and notes all that it is asked.

The client is run as a process against it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

APP = Path(__file__).resolve().parents[1]
KEY = "0123456789abcdef"


class World:
    """Server and handler in one: ``/webhook/...`` is n8n's side, ``/requests`` the local handler.

    Attributes:
        seen: Every request, as path, headers and body.
        items: What waits, by source and payload.
        answers: Path to the statuses that it answers next instead of doing anything; 0 closes the connection.
        more: Path to headers of what is no 200.
        slow: Path to seconds before it answers.
        poison: A payload for which the handler takes half a minute.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seen: list[tuple[str, dict, object]] = []
        self.items: list[dict] = []
        self.answers: dict[str, list[int]] = {}
        self.more: dict[str, dict[str, str]] = {}
        self.slow: dict[str, float] = {}
        self.poison: object = object()
        (folder / "key").write_text(KEY + "\n")
        world = self

        class Answer(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                world.seen.append((self.path, dict(self.headers), body))
                poisoned = self.path == "/requests" and body["payload"] == world.poison
                time.sleep(30 if poisoned else world.slow.get(self.path, 0))
                status = (world.answers.get(self.path) or [200]).pop(0)
                if status == 0:
                    return
                text = json.dumps(world.take(self.path, body) if status == 200 else {}).encode()
                self.send_response(status)
                if status in {301, 307}:
                    self.send_header("Location", f"http://127.0.0.1:{world.port}/elsewhere")
                for name, value in world.more.get(self.path, {}).items() if status != 200 else ():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def wait(self, *payloads: object, source: str = "s") -> None:
        """More items that wait."""
        for payload in payloads:
            self.items.append({"id": len(self.items) + 1, "source": source, "payload": payload, "state": "pending"})

    def take(self, path: str, body: dict) -> dict:
        """What n8n would answer; a failed item rests for the whole test, and its source with it."""
        live = [item for item in self.items if item["state"] in {"pending", "resting"}]
        if path == "/webhook/heartbeat":
            return {"ok": True, "queued": len(live)}
        if path == "/webhook/queue/claim":
            resting = {item["source"] for item in live if item["state"] == "resting"}
            return {"items": [item for item in live if item["source"] not in resting][: body["limit"]]}
        if path in {"/webhook/queue/ack", "/webhook/queue/fail"}:
            state = "done" if path.endswith("ack") else "resting"
            self.items[body["id"] - 1]["state"] = state
            return {"ok": True, "status": "pending"}
        return {}

    def bodies(self, path: str) -> list:
        """What was sent to a path, in order."""
        return [body for one, _, body in self.seen if one == path]

    def environment(self, **more: str) -> dict[str, str]:
        """The client's environment; an empty value takes a variable away."""
        base = f"http://127.0.0.1:{self.port}"
        given = {
            "PATH": os.environ["PATH"],
            "HEARTBEAT_URL": f"{base}/webhook/heartbeat",
            "HANDLER_URL": f"{base}/requests",
            "API_KEY_FILE": str(self.folder / "key"),
            **more,
        }
        return {name: value for name, value in given.items() if value}

    def start(self, *argv: str, **more: str) -> subprocess.Popen[str]:
        """The program as a process."""
        return subprocess.Popen(
            [sys.executable, "-E", "-s", "-B", str(APP / "heartbeat.py"), *argv],
            env=self.environment(**more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def once(self, **more: str) -> tuple[int, str]:
        """Exit status and output of ``--once``."""
        process = self.start("--once", **more)
        said = process.communicate(timeout=180)[0]
        return process.returncode, said


@pytest.fixture
def world(tmp_path):
    """A server of its own for each test."""
    made = World(tmp_path)
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def until():
    """Waits for a condition."""

    def wait(condition, what: str) -> None:
        end = time.monotonic() + 180
        while not condition():
            assert time.monotonic() < end, what
            time.sleep(0.02)

    return wait
