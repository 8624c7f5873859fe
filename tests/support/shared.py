"""The stack that others join, under its own names, on this machine's Docker."""

from __future__ import annotations

import contextlib
import secrets
import threading
from typing import TYPE_CHECKING

import yaml

from tests.support import subnets
from tests.support.cloudflare import ACCOUNT, ZONE, Cloud
from tests.support.scratch import Scratch, docker, free_port
from tests.support.waits import until

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SERVICES = ("caddy", "infisical-backend", "infisical-db", "infisical-redis", "redis")


class Shared(Scratch):
    """Its own names, for other stacks know it by them; a subnet and ports of the edge that are free."""

    def __init__(self, folder: Path, **settings: object) -> None:
        super().__init__(
            folder,
            preset="shared-infrastructure",
            services={},
            namespace="",
            networks={"ai-network": f"{subnets.block('10.232')}.0/24"},
            edge={"http_port": free_port(), "https_port": free_port()},
            **settings,
        )


PYTHON = "python:3.11.16-slim-bookworm"
_EDGE = "region1.v2.argotunnel.com"
_RELAY = """
import socket, threading
def copy(a, b):
    try:
        while data := a.recv(65536): b.sendall(data)
    except OSError: pass
    for one in (a, b):
        try: one.shutdown(socket.SHUT_RDWR)
        except OSError: pass
door = socket.create_server(("", 7844))
while True:
    near, _ = door.accept()
    far = socket.socket(socket.AF_UNIX); far.connect("/edge/tunnel.sock")
    for pair in ((near, far), (far, near)): threading.Thread(target=copy, args=pair, daemon=True).start()
"""


class Tunnelled(Shared):
    """The same behind an emulated Cloudflare's tunnel; its connector finds the edge by the name that the real one asks.

    Attributes:
        cloud: The emulated Cloudflare.
    """

    def __init__(self, folder: Path) -> None:
        token = secrets.token_urlsafe(30)
        self.cloud = Cloud(folder / "cloud", tokens={token: "edit"})
        self.relay = ""
        super().__init__(
            folder,
            domain="example.com",
            exposure="tunnel",
            cloudflare={"account_id": ACCOUNT, "zone_id": ZONE, "team": "team"},
            access={"emails": ["ada@example.com"], "google_client_id": "123456-abc.apps.example.com"},
            guests={"n8n": {}, "mine": {"to": "mine:8000", "access": "login"}},
        )
        path = self.folder / f"Pulumi.{self.name}.yaml"
        file = yaml.safe_load(path.read_text())
        file["config"]["cloudflare:baseUrl"] = self.cloud.emulator.api_url
        path.write_text(yaml.safe_dump(file))
        for name, value in (("cloudflare-api-token", token), ("google-client-secret", secrets.token_urlsafe(30))):
            done = self.pulumi("config", "set", "--secret", f"homeport:{name}", value)
            assert done.returncode == 0, done.stderr

    def up(self) -> subprocess.CompletedProcess[str]:
        """As before; once the network is there, the edge is on it."""
        relay = threading.Thread(target=self._relay)
        relay.start()
        done = super().up()
        relay.join()
        return done

    def _relay(self) -> None:
        if self.relay:
            return
        sock = self.cloud.emulator.folder / "tunnel.sock"
        sock.parent.chmod(0o755)
        sock.chmod(0o666)
        flags = ["--network", "ai-network", "--network-alias", _EDGE, "-v", f"{sock.parent}:/edge"]
        until(lambda: self.objects("network"), "the stack makes its network first")
        self.relay = docker("run", "-d", *flags, PYTHON, "python", "-c", _RELAY).strip()

    def remove(self) -> None:
        """The stack, its edge and its Cloudflare."""
        if self.relay:
            docker("rm", "-f", self.relay)
        super().remove()
        with contextlib.suppress(OSError):
            self.cloud.emulator.close()
