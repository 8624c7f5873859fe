"""An emulated cloud whose resources get the very ids of a recording, so that calls can be compared word for word."""

from __future__ import annotations

from rehearsal.clouds.hetzner.catalog import RETIRED, SERVER_TYPES
from rehearsal.clouds.hetzner.machines import InMemory
from rehearsal.clouds.hetzner.project import Project
from rehearsal.clouds.hetzner.service import Service
from rehearsal.clouds.hetzner.store import Store
from rehearsal.clouds.kit.api import ApiServer, Call
from tests.rehearsal.conformance.replay import Replay

TOKEN = "t" * 64
PREFIX = "/v1/"


def _made(row):
    """Kind and id of what a recorded call made."""
    if row["method"] != "POST" or row["status"] >= 300:
        return
    for key, value in row["response"].items():
        if isinstance(value, dict) and "id" in value and key != "action":
            yield f"{key}s", value["id"]


def ids_of_http(steps):
    """Table to the ids of a recording, in the order of its HTTP calls."""
    ids = {}
    for step in steps:
        for row in step:
            for table, number in _made(row):
                ids.setdefault(table, []).append(number)
    return ids


def ids_of_calls(scenario):
    """Table to the ids of a recording, in the order of its Create calls: that in which a replay makes them."""
    ids = {}
    for step in scenario.steps:
        for call in step.calls:
            new_id = str((call.get("response") or {}).get("id", ""))
            kind = call["request"].get("type", "").rsplit(":", 1)[-1]
            if call["method"] == "Create" and new_id.isdigit() and kind in TABLES:
                ids.setdefault(TABLES[kind], []).append(int(new_id))
    return ids


TABLES = {
    "SshKey": "ssh_keys",
    "Firewall": "firewalls",
    "PrimaryIp": "primary_ips",
    "FloatingIp": "floating_ips",
    "Network": "networks",
    "Volume": "volumes",
    "PlacementGroup": "placement_groups",
    "Server": "servers",
}


class RecordedIds:
    """Gives out the ids of a recording in their order, and high ones for what it does not name."""

    def __init__(self, ids):
        self.ids, self.next = ids, 1_000_000

    def __call__(self, table):
        if self.ids.get(table):
            return self.ids[table].pop(0)
        self.next += 1
        return self.next


class RecordedWorld:
    """The emulated cloud of one scenario.

    Args:
        ids: Table to the ids that its resources get.
    """

    def __init__(self, ids):
        project = Project(Store(None, RecordedIds(ids)), InMemory())
        # The recording's fake was of before: it sells a type that is gone, and names a type of assignee for all.
        project.server_types, project.unassigned = (*SERVER_TYPES, *RETIRED), "server"
        self.service = Service(project)
        self.listener = ApiServer(self.service).start()

    def by_hand(self, request):
        method, path = request.split()
        assert self.service.answer(Call(method=method, path=path, authorization=TOKEN)).status < 300

    def configured(self, package, settings):
        return {**settings, "endpoint": self.listener.url} if package == "hcloud" else settings


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
        self.world.service.journal.clear()
        try:
            return super()._step(step)
        finally:
            rows = [row for row in self.world.service.journal.rows() if row["path"].startswith(PREFIX)]
            self.asked[step.index] = [] if step.by_hand else rows
