from __future__ import annotations

import functools
import json
import subprocess
import sys
from pathlib import Path

import pytest

SEALED = "4dabf18193072939515e22adb298388d"
DOORS = json.loads((Path(__file__).parents[2] / "cases" / "cloudflared" / "doors.json").read_text())


@functools.cache
def graph(asked: str, how: str = "light") -> dict:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("cloudflare_graph.py")), how],
        input=asked,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


class Registered:
    """What the engine was told, by type and name."""

    def __init__(self, told: dict) -> None:
        self.told = told
        self.requests = told["requests"]

    def all(self, kind: str) -> dict[str, dict]:
        return {request["name"]: request for request in self.requests if request["type"].rpartition(":")[2] == kind}

    def inputs(self, kind: str) -> dict[str, dict]:
        return {name: one.get("object", {}) for name, one in self.all(kind).items()}


@pytest.fixture
def register():
    """Registers the Cloudflare layers for the usual doors, with changes, and gives what the engine was told."""

    def run(how="light", **changes) -> Registered:
        return Registered(graph(json.dumps({**DOORS, **changes}, sort_keys=True), how))

    return run
