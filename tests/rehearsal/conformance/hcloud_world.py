"""An emulated cloud that gives resources the very ids of a recording, so that its calls can be compared word for word."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from rehearsal.hetzner.machines import InMemory
from rehearsal.hetzner.service import Service
from rehearsal.hetzner.store import Store
from rehearsal.hetzner.web import Door
from rehearsal.hetzner.world import World
from tests.rehearsal.conformance.facts import Scenario, folder
from tests.rehearsal.conformance.replay import Replay

TOKEN = "t" * 64
PREFIX = "/v1/"


def recorded_http(name):
    """The HTTP calls to the cloud, step by step."""
    steps = json.loads((folder() / "recorded" / f"{name}.json").read_text(encoding="utf-8"))
    return [[row for row in step.get("http", ()) if row["path"].startswith(PREFIX)] for step in steps]


def _made(row):
    """Kind and id of what a recorded call made."""
    if row["method"] != "POST" or row["status"] >= 300:
        return
    for key, value in row["response"].items():
        if isinstance(value, dict) and "id" in value and key != "action":
            yield f"{key}s", value["id"]


class RecordedIds:
    """Gives out the ids of a recording in their order, and high ones for what it does not name."""

    def __init__(self, steps):
        self.ids = {}
        self.next = 1_000_000
        for step in steps:
            for row in step:
                for table, number in _made(row):
                    self.ids.setdefault(table, []).append(number)

    def __call__(self, table):
        if self.ids.get(table):
            return self.ids[table].pop(0)
        self.next += 1
        return self.next


class RecordedWorld:
    """The emulated cloud of one scenario."""

    def __init__(self, name):
        self.service = Service(World(Store(None, RecordedIds(recorded_http(name))), InMemory()))
        self.door = Door(self.service).start()

    def by_hand(self, request):
        method, path = request.split()
        assert self.service.answer(method, path, "", TOKEN, b"").status < 300

    def configured(self, package, settings):
        return {**settings, "endpoint": self.door.url} if package == "hcloud" else settings


class WatchedReplay(Replay):
    """A replay that notes which requests each step made.

    Args:
        world: The emulated cloud that the plugins talk to.
        asked: Index of a step to its requests; filled as the steps run.
    """

    def __init__(self, world, *args, **more):
        self.world, self.asked = world, {}
        super().__init__(*args, by_hand=world.by_hand, config=world.configured, **more)

    def _step(self, step):
        self.world.service.requests.clear()
        try:
            return super()._step(step)
        finally:
            rows = [row for row in self.world.service.requests if row["path"].startswith(PREFIX)]
            self.asked[step.index] = [] if step.by_hand else rows


def only(scenario: Scenario, package: str) -> Scenario:
    """The scenario without the calls to other plugins."""
    steps = tuple(
        replace(
            step,
            calls=tuple(
                call
                for call in step.calls
                if re.match(
                    rf"(pulumi:providers:)?{package}(:|$)",
                    call["request"].get("type") or call["request"].get("tok", ""),
                )
            ),
        )
        for step in scenario.steps
    )
    return Scenario(scenario.name, steps)
