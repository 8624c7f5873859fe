"""An emulated cloud behind its HTTP door, and short ways to ask it."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from rehearsal.clouds.hetzner.machines import InMemory
from rehearsal.clouds.hetzner.project import Project
from rehearsal.clouds.hetzner.service import Service
from rehearsal.clouds.hetzner.store import Store
from rehearsal.clouds.kit.api import CONTROL, ApiServer
from tests.support.waits import until

TOKEN = "t" * 64
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f someone@example.com"
OPEN = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


class Emulated:
    """One cloud.

    Args:
        path: Its state file, None for none.
        seconds: How long its actions take.
    """

    def __init__(self, path=None, seconds=0.0, tokens=()):
        self.machines = InMemory()
        self.service = Service(Project(Store(path), self.machines, seconds), tokens)
        self.listener = ApiServer(self.service).start()

    def ask(self, method, path, body=None, token=TOKEN):
        """Status, JSON and headers."""
        base = self.listener.url.removesuffix("/v1") if path.startswith(CONTROL) else self.listener.url
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(base + path, data, headers, method=method)  # noqa: S310
        try:
            with OPEN(request, timeout=120) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if text else None, answer.headers
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code, json.loads(refused.read()), refused.headers

    def refused(self, method, path, body=None):
        """Status and error code of a request that fails."""
        status, answer, _ = self.ask(method, path, body)
        return status, answer["error"]["code"]

    def make(self, path, body):
        status, answer, _ = self.ask("POST", path, body)
        assert status in (200, 201), answer
        return answer

    def server(self, name="one", **more):
        return self.make("/servers", {"name": name, "server_type": "cx23", "image": "debian-12", **more})["server"]

    def get(self, path):
        status, answer, _ = self.ask("GET", path)
        assert status == 200, answer
        return answer

    def fault(self, **facts):
        self.ask("POST", f"{CONTROL}/faults", facts)

    def settle(self):
        """Waits until no action runs."""
        until(lambda: not self.get("/actions?status=running")["actions"], "an action never ends")
