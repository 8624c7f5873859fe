"""The emulated project: its rows, its actions and the machines behind its servers."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rehearsal.clouds.hetzner import catalog, errors
from rehearsal.clouds.hetzner.machines import MachineError, Machines

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.clouds.hetzner.store import Store

Row = dict[str, Any]
NOUNS: Final = {
    "ssh_keys": "ssh_key",
    "firewalls": "firewall",
    "primary_ips": "primary_ip",
    "floating_ips": "floating_ip",
    "networks": "network",
    "volumes": "volume",
    "placement_groups": "placement_group",
    "servers": "server",
    "actions": "action",
}
# How many of each a project may have; https://docs.hetzner.cloud calls them resource limits, the figures are a new
# account's.
LIMITS: Final = {
    "servers": 10,
    "primary_ips": 20,
    "volumes": 50,
    "networks": 50,
    "firewalls": 50,
    "placement_groups": 50,
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request: numbers and names from its path, its query and its JSON body."""

    path: tuple[str, ...] = ()
    query: dict[str, list[str]] = field(default_factory=dict)
    body: Row = field(default_factory=dict)

    @property
    def id(self) -> int:
        """The first number in the path."""
        return int(self.path[0])


Answer = tuple[int, Row | None]


def now() -> str:
    """The time as the API writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def public(row: Row) -> Row:
    """The row without what only the emulator may know."""
    return {key: value for key, value in row.items() if not key.startswith("_")}


class Project:
    """One project.

    Args:
        store: Where its rows are.
        machines: The driver behind its servers.
        seconds: How long an action takes at least.
    """

    def __init__(self, store: Store, machines: Machines, seconds: float = 0.0) -> None:
        self.store, self.machines, self.seconds = store, machines, seconds
        self.unassigned = "unassigned"
        """Assignee type of an address that nothing has; `server` until August 2026."""
        self.server_types: tuple[Row, ...] = catalog.SERVER_TYPES
        self.sold_out: set[tuple[str, str]] = set()
        """Server type and location, where Hetzner has none left for now."""
        # Minimal durations asked for by faults, used up by the next actions.
        self.slow: list[float] = []
        for action in self.table("actions").values():
            if action["status"] == "running":
                self._finish(action, "the emulator was stopped while the action ran", None)
        for server in self.table("servers").values():
            if server["status"] in ("initializing", "rebuilding", "deleting"):
                server["status"] = "unknown"

    def table(self, name: str) -> dict[int, Row]:
        """All rows of a table by id."""
        return self.store.table(name)

    def get(self, table: str, number: int | str) -> Row:
        """The row of that id; raises `ApiError` not_found."""
        row = self.table(table).get(int(number)) if str(number).isdigit() else None
        if row is None:
            raise errors.not_found(NOUNS[table], number)
        return row

    def find(self, table: str, key: int | str) -> Row:
        """The row of that id or name; raises `ApiError` not_found."""
        for row in self.table(table).values():
            if row["id"] == key or row["name"] == key or str(row["id"]) == key:
                return row
        raise errors.not_found(NOUNS[table], key)

    def server_type(self, key: int | str) -> Row | None:
        """A server type by id or name, as it can be ordered now; None when the API does not list it."""
        row = catalog.named(self.server_types, key)
        return row and self.as_sold(row)

    def as_sold(self, kind: Row) -> Row:
        """A server type with `available` as it is now."""
        places = [
            {**place, "available": place["available"] and (kind["name"], place["name"]) not in self.sold_out}
            for place in kind["locations"]
        ]
        return {**kind, "locations": places}

    def free_name(self, table: str, name: str, but: int = 0) -> None:
        """Refuses a name that another row of the table has."""
        if any(row["name"] == name and row["id"] != but for row in self.table(table).values()):
            raise errors.taken(NOUNS[table])

    def add(self, table: str, row: Row) -> Row:
        """Stores a new row under a new id; raises `ApiError` when the project has too many."""
        if len(self.table(table)) >= LIMITS.get(table, 1000):
            raise errors.ApiError(403, "resource_limit_exceeded", f"{NOUNS[table]} limit exceeded")
        number = self.store.new_id(table)
        stored = {"id": number, "created": now(), "labels": {}, "protection": {"delete": False}, **row}
        self.table(table)[number] = stored
        return stored

    def rename(self, table: str, call: Call, body: Row) -> Row:
        """Puts the given fields into a row, its name only when it is free."""
        row = self.get(table, call.id)
        if "name" in body:
            self.free_name(table, body["name"], row["id"])
        row.update(body)
        return row

    def deletable(self, table: str, number: int) -> Row:
        """The row, unless it is protected or locked."""
        row = self.get(table, number)
        if row["protection"]["delete"]:
            raise errors.protected(NOUNS[table])
        self.unlocked(NOUNS[table], number)
        return row

    def unlocked(self, noun: str, number: int) -> None:
        """Refuses while another action works on the resource."""
        for action in self.table("actions").values():
            if action["status"] == "running" and {"id": number, "type": noun} in action["resources"]:
                raise errors.locked(noun)

    def act(
        self,
        command: str,
        resources: list[tuple[str, int]],
        work: Callable[[], None] | None = None,
        done: Callable[[str | None], None] | None = None,
    ) -> Row:
        """Starts an action.

        Args:
            command: Its name in the API.
            resources: Type and id of what it works on; locked until it has ended.
            work: What the driver does; called without the lock when it takes time.
            done: Called under the lock at the end, with the driver's error or None.
        """
        seconds = self.slow.pop(0) if self.slow else self.seconds
        number = self.store.new_id("actions")
        action: Row = {
            "id": number,
            "command": command,
            "status": "running",
            "progress": 0,
            "started": now(),
            "finished": None,
            "resources": [{"id": resource, "type": noun} for noun, resource in resources],
            "error": None,
            "_begun": time.time(),
            "_seconds": seconds,
        }
        self.table("actions")[number] = action
        if seconds == 0 and (work is None or self.machines.instant):
            self._finish(action, _attempt(work), done)
        else:
            threading.Thread(target=self._later, args=(action, work, done), daemon=True).start()
        return self.action(action)

    def _later(self, action: Row, work: Callable[[], None] | None, done: Callable[[str | None], None] | None) -> None:
        begun = time.monotonic()
        problem = _attempt(work)
        time.sleep(max(0.0, action["_seconds"] - (time.monotonic() - begun)))
        with self.store.lock:
            self._finish(action, problem, done)
            self.store.save()

    def _finish(self, action: Row, problem: str | None, done: Callable[[str | None], None] | None) -> None:
        if done is not None:
            done(problem)
        action["finished"] = now()
        action["status"], action["progress"] = ("success", 100) if problem is None else ("error", 0)
        if problem is not None:
            action["error"] = {"code": "action_failed", "message": problem}

    def action(self, row: Row) -> Row:
        """The action as the API shows it, with the progress of this moment."""
        shown = public(row)
        if row["status"] == "running":
            spent = time.time() - row["_begun"]
            shown["progress"] = min(99, int(100 * spent / row["_seconds"])) if row["_seconds"] else 0
        return shown


def _attempt(work: Callable[[], None] | None) -> str | None:
    try:
        if work is not None:
            work()
    except MachineError as problem:
        return str(problem)
    except Exception as bug:  # noqa: BLE001  (a driver's defect must end the action, not leave it running for ever)
        return f"defect of the machine driver: {type(bug).__name__}: {bug}"
    return None
