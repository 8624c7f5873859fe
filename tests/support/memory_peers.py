"""Who the memory's n8n talks with in tests: an embedding provider, and a caller of its own API."""

from __future__ import annotations

import http.client
import json
import subprocess
from typing import TYPE_CHECKING

from tests.support.memory import HARDENED, docker
from tests.support.waits import until

if TYPE_CHECKING:
    from tests.support.memory import MemoryServices

PROVIDER = """
import http.server, json

class Provider(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print(json.dumps({"path": self.path, "authorization": self.headers["Authorization"], **asked}), flush=True)
        vector = [1.0 if place == len(asked["input"]) % 384 else 0.0 for place in range(384)]
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(json.dumps({"data": [{"embedding": vector}]}).encode())

http.server.HTTPServer(("0.0.0.0", 8000), Provider).serve_forever()
"""


def start_provider(world: MemoryServices, image: str) -> str:
    """The name of a new container with an OpenAI-compatible endpoint, http://provider:8000/v1, that logs requests."""
    name = world.name("provider")
    docker(
        "run",
        "-d",
        "--name",
        name,
        "--label",
        world.label,
        *HARDENED,
        "--user",
        "10001",
        "--network",
        world.name("net"),
        "--network-alias",
        "provider",
        "--entrypoint",
        "python",
        image,
        "-u",
        "-c",
        PROVIDER,
    )
    listens = "import socket; socket.create_connection(('127.0.0.1', 8000), 1)"
    asked = ("docker", "exec", name, "python", "-c", listens)
    until(lambda: subprocess.run(asked, capture_output=True, check=False).returncode == 0, "the provider listens")
    return name


def rest(address: str, method: str, path: str, body: object = None) -> tuple[int, str]:
    """Status and text of a call of n8n's own API, without a session."""
    connection = http.client.HTTPConnection(address, 5678, timeout=120)
    try:
        connection.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {"Content-Type": "application/json", "browser-id": "test"},
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()
