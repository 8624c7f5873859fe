"""An engine stricter than the engine: twins fail, look-ups fail, secrets stay visible as secrets."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks, rpc

CANARY = "C4nary-" + "0123456789abcdef" * 2


@dataclass
class Registered:
    """One resource as the program registered it."""

    type: str
    name: str
    inputs: dict[str, Any]
    provider: str


@dataclass
class Engine(mocks.Mocks):
    """Answers like the providers do, and remembers what it was told."""

    seen: dict[tuple[str, str], Registered] = field(default_factory=dict)

    def new_resource(self, args):
        key = (args.typ, args.name)
        assert key not in self.seen, f"two resources are {args.typ} {args.name!r}; Pulumi refuses that"
        self.seen[key] = Registered(args.typ, args.name, dict(args.inputs), args.provider)
        return f"{args.name}-id", {**args.inputs, **self._computed(args)}

    def call(self, args):
        raise AssertionError(f"{args.token} was looked up: a unit test reaches no API")

    @staticmethod
    def _computed(args) -> dict[str, Any]:
        if args.typ == "random:index/randomBytes:RandomBytes":
            # Every generated value holds the canary, so that a leak can be found anywhere.
            return {"hex": f"{CANARY}{args.name}", "base64": f"{CANARY}{args.name}"}
        if args.typ == "docker:index/remoteImage:RemoteImage":
            return {"imageId": f"sha256:{args.name}"}
        return {}

    def all(self, token: str) -> list[Registered]:
        return [one for one in self.seen.values() if one.type == token]

    def one(self, token: str, name: str) -> Registered:
        return self.seen[token, name]

    def identities(self) -> list[str]:
        return sorted(f"{kind} {name}" for kind, name in self.seen)


def is_secret(value: Any) -> bool:
    return isinstance(value, dict) and value.get(rpc._special_sig_key) == rpc._special_secret_sig


@pytest.fixture
def engine():
    return Engine()


@pytest.fixture
def build(engine):
    """Builds a stack from settings as a user would write them, to its end."""

    def run(settings: dict | None = None, secrets: dict | None = None, preset_name="ai-orchestrator", stack="dev"):
        from presets.registry import preset
        from program import Program
        from settings.load import load
        from settings.stack import prepare

        raw = {"homeport:preset": preset_name, "homeport:settings": json.dumps(settings or {})}
        given = {f"homeport:{name}": value for name, value in (secrets or {}).items()}
        mocks.set_mocks(engine, project="homeport", stack=stack, preview=False)
        made = []

        def go():
            loaded = load(raw | given, set(given), stack)
            blueprint, supplied, generated = prepare(loaded, preset(loaded.preset))
            made.append(Program(blueprint, loaded.settings, supplied, generated))

        loop = asyncio.new_event_loop()
        asyncio.set_event_loop(loop)
        try:
            pulumi.runtime.test(go)()
        finally:
            loop.close()
            asyncio.set_event_loop(None)
        return made[0]

    return run
