"""The graph of a stack as the engine is told it, from settings as a user would write them."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

import pytest

from tests.unit.stack.recorded import built


@dataclass(frozen=True)
class Graph:
    """Everything that was registered."""

    resources: tuple[dict[str, Any], ...]
    exports: dict[str, Any]

    def all(self, token: str) -> list[dict[str, Any]]:
        return [resource for resource in self.resources if resource["type"] == token]

    def one(self, token: str, name: str) -> dict[str, Any]:
        resources = [resource for resource in self.all(token) if resource["name"] == name]
        assert len(resources) == 1, f"{token} {name}: found {len(resources)}"
        return resources[0]

    def identities(self) -> list[str]:
        return sorted(f"{resource['type']} {resource['name']}" for resource in self.resources)


@functools.cache
def _built(asked: str) -> Graph:
    graph = built(json.loads(asked))
    return Graph(tuple(graph["resources"]), graph["exports"])


@pytest.fixture
def build():
    def run(
        settings: dict | None = None,
        secrets: dict | None = None,
        preset="ai-orchestrator",
        stack="dev",
        ssh_keys: tuple = (),
        **presets: str,
    ) -> Graph:
        asked = {
            "settings": settings or {},
            "secrets": secrets or {},
            "preset": preset,
            "stack": stack,
            "presets": presets,
            "ssh_keys": ssh_keys,
        }
        return _built(json.dumps(asked, sort_keys=True))

    return run
