"""A stack of a proxy and apps behind it, on this machine's Docker: what the tests of routes look through."""

from __future__ import annotations

import base64
import zlib
from pathlib import Path

from tests.support import echo_server, subnets
from tests.support.door import Door
from tests.support.scratch import Scratch, free_port, inspect

SERVER = base64.b64encode(zlib.compress(Path(echo_server.__file__).read_bytes(), 9)).decode()


def app(**route: object) -> dict:
    return {
        "image": "python:3.11.16-slim-bookworm",
        "command": [
            "python",
            "-c",
            f"import base64, zlib; exec(zlib.decompress(base64.b64decode('{SERVER}')))",
            "8000",
        ],
        "port": 8000,
        "route": route,
        "health": {"command": ["python", "-c", "import socket; socket.create_connection(('127.0.0.1', 8000), 2)"]},
        "memory": 64,
    }


class Doorway(Scratch):
    """A stack of a proxy and apps."""

    def __init__(self, folder: Path, preset: str, apps: dict) -> None:
        """A stack of a preset's text, which takes the place of ai-orchestrator's, and apps."""
        self.ports = [free_port() for _ in range(2)]
        front = f"{subnets.block('10.231')}.0/24"
        super().__init__(
            folder,
            services={},
            networks={"front": front},
            edge={"http_port": self.ports[0], "https_port": self.ports[1]},
            apps=apps,
        )
        (self.folder / "catalog/presets/ai_orchestrator/preset.py").write_text(preset)

    def edit(self, path, before, after):
        text = (self.folder / path).read_text()
        assert before in text, f"{path} is written otherwise now"
        (self.folder / path).write_text(text.replace(before, after))

    def app(self, name, **route):
        """Adds an app, or gives it another route; nothing: takes it away."""
        apps = {**self.settings["apps"], name: app(**route)}
        self.configure(apps={key: app for key, app in apps.items() if app["route"]})

    @property
    def ids(self):
        return {name: inspect(name)["Id"] for name in self.objects("container")}

    @property
    def proxy(self):
        return f"{self.name}-caddy"

    def door(self):
        return Door.of(self.proxy, self.ports[1])

    def key(self):
        return self.outputs()["credentials"]["keyed-api-key"]
