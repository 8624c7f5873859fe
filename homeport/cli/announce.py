"""What an update is about to do, in a sentence a change: what is down for about how long, what data or key goes.

Read from the events of Pulumi's own preview, so that nothing is announced that the engine does not plan.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from homeport.model import names
from homeport.model.sign_in import doors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from homeport.model.blueprint import Blueprint

_CONTAINER = "docker:index/container:Container"
_VOLUME = "docker:index/volume:Volume"
_RANDOM = "random:index/randomPassword:RandomPassword"
_SERVER = "hcloud:index/server:Server"
_COMMAND = "command:local:Command"
_FILES = re.compile(r"-files-[0-9a-f]{12}$")
"""In Docker, a volume with a service's own files: named after their content."""
_PLANNED = ("create", "update", "replace", "delete")
_QUIET = (
    # Parts of a service, or of no consequence: what they do shows in the container that they belong to.
    "docker:index/remoteImage:RemoteImage",
    "pulumi:",
    "homeport:",
    "random:",
)
_REASONS = {
    "envs": "environment",
    "image": "image",
    "labels": "image or health check",
    "volumes": "files or volumes",
    "ports": "ports",
    "networkMode": "networks",
    "networksAdvanced": "networks",
    "command": "command",
    "entrypoints": "command",
    "healthcheck": "health check",
    "memory": "memory",
    "memorySwap": "memory",
    "cpus": "processors",
    "restart": "restart policy",
    "user": "user",
}
_OTHERWISE = "other settings of the container"
"""What has no word of a person's: Pulumi's own names are shown to nobody."""
_VERBS = {"create": "is made", "update": "is changed in place", "replace": "is replaced", "delete": "is removed"}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One planned step.

    Attributes:
        op: create, update, replace or delete.
        urn: Whose.
        old: The resource as the state has it; empty when it is new.
        new: As the program wants it; empty when it goes.
    """

    op: str
    urn: str
    old: Mapping[str, Any]
    new: Mapping[str, Any]

    @property
    def type(self) -> str:
        """The resource's type token."""
        return self.urn.rpartition("::")[0].rpartition("$")[2].rpartition("::")[2]

    @property
    def name(self) -> str:
        """Its logical name."""
        return names.logical(self.urn)

    @property
    def parent(self) -> str:
        """The logical name of its parent: of a container, the service."""
        return names.logical(str((self.new or self.old).get("parent") or ""))

    @property
    def stays(self) -> bool:
        """Whether Docker keeps it although it leaves the state."""
        return bool(self.old.get("retainOnDelete"))

    def inputs(self) -> Mapping[str, Any]:
        """Its inputs, the old ones where it goes."""
        values: Mapping[str, Any] = (self.new or self.old).get("inputs") or {}
        return values

    def changed(self) -> list[str]:
        """The inputs that are different, by name."""
        before, after = self.old.get("inputs") or {}, self.new.get("inputs") or {}
        return sorted(key for key in {*before, *after} if before.get(key) != after.get(key) and key != "__defaults")


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Data or a key that would be gone for good, and the name by which it is given up."""

    name: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """An update, told before it begins.

    Attributes:
        sentences: One a change.
        losses: What has to be given up by name.
        changes: How many resources change.
    """

    sentences: tuple[str, ...] = ()
    losses: tuple[Loss, ...] = ()
    changes: int = 0


def steps(log: Path) -> list[Step]:
    """The planned steps of an event log of `pulumi preview`."""
    planned: dict[str, Step] = {}
    for kind, event, _ in events(log):
        if kind == "resourcePreEvent" and (meta := event["metadata"])["op"] in _PLANNED:
            planned[meta["urn"]] = Step(
                op=meta["op"], urn=meta["urn"], old=meta.get("old") or {}, new=meta.get("new") or {}
            )
    return list(planned.values())


def events(log: Path) -> Iterator[tuple[str, dict[str, Any], float]]:
    """Kind, content and time of each event of a log; a last line that was cut off is left out."""
    for line in log.read_text(encoding="utf-8").splitlines() if log.exists() else ():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        kind = next((key for key in event if key.endswith("Event")), "")
        if kind:
            yield kind, event[kind] or {}, float(event.get("timestamp") or 0)


def measured(log: Path) -> dict[str, int]:
    """How long each service of an update was away, in seconds: from its old container's end to its health."""
    began: dict[str, float] = {}
    ended: dict[str, int] = {}
    for kind, event, when in events(log):
        meta = event.get("metadata") or {}
        step = Step(
            op=meta.get("op", ""), urn=meta.get("urn", ""), old=meta.get("old") or {}, new=meta.get("new") or {}
        )
        if step.type == _CONTAINER and kind == "resourcePreEvent" and step.op in {*_PLANNED, "delete-replaced"}:
            began.setdefault(step.parent, when)
        gate = step.type == _COMMAND and step.name == f"{step.parent}-healthy" and kind == "resOutputsEvent"
        if gate and step.op in {"create", "create-replacement", "update"} and step.parent in began:
            ended[step.parent] = max(round(when - began[step.parent]), 1)
    return ended


@dataclass(frozen=True, kw_only=True)
class Announcer:
    """Puts steps into words.

    Attributes:
        blueprint: What the stack is to be.
        doors: Address to its service, as the last update left them.
        keys: Secrets that data is encrypted with: a new value is a loss.
        seconds: How long each service was away in an earlier update.
    """

    blueprint: Blueprint
    doors: Mapping[str, str] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()
    seconds: Mapping[str, int] = field(default_factory=dict)

    def announce(self, planned: Sequence[Step]) -> Announcement:
        """All sentences and losses; a stack that is new loses nothing, and nothing of it is down."""
        changes = [step for step in planned if step.type and not step.type.startswith("homeport:")]
        if not changes:
            return Announcement()
        sentences = [*self._services(changes), *self._disturbed(changes), *self._moved(), *self._addresses(changes)]
        sentences += [*_secrets(changes), *_others(changes)]
        return Announcement(
            sentences=tuple(dict.fromkeys(filter(None, sentences))),
            losses=tuple(_losses(changes, self.keys)),
            changes=len(changes),
        )

    def _services(self, planned: Sequence[Step]) -> Iterator[str]:
        created = [step.parent for step in planned if step.type == _CONTAINER and step.op == "create"]
        if created:
            yield f"{_listed(created)}: started; nothing is down for it"
        for step in planned:
            if step.type == _CONTAINER and step.op != "create":
                yield self._service(step, planned)

    def _service(self, step: Step, planned: Sequence[Step]) -> str:
        service = step.parent
        why = _listed(dict.fromkeys(_REASONS.get(key, _OTHERWISE) for key in step.changed()))
        if step.op == "update" and "mustRun" in step.changed():
            return f"{service}: stopped now, and started again; its data stays"
        if step.op == "update":
            return f"{service}: {why or 'it'} changed in place; not down"
        own = [item for item in planned if item.type == _VOLUME and item.parent == service and _holds_data(item)]
        gone = [item for item in own if item.op in {"delete", "replace"} and not item.stays]
        data = (
            f"DATA LOST: {_listed(_volume(item) for item in gone)}"
            if gone
            else "its data stays"
            if self._has_data(step)
            else "it keeps no data"
        )
        if step.op == "delete":
            return f"{service}: stopped and removed; {data}"
        return f"{service}: replaced{f' ({why})' if why else ''}; down for {self._about([service])}; {data}"

    def _disturbed(self, planned: Sequence[Step]) -> Iterator[str]:
        """What stays as it is, and needs something that is away for a while."""
        touched = {step.parent: step for step in planned if step.type == _CONTAINER}
        away = {name for name, step in touched.items() if step.op == "replace" or "mustRun" in step.changed()}
        for service in self.blueprint.services:
            hit = sorted(needed_by(self.blueprint, service.name) & away)
            if hit and service.name not in touched and not service.edge:
                yield f"{service.name}: disturbed by it, for it needs {_listed(hit)}; it recovers by itself"

    def _moved(self) -> Iterator[str]:
        """Addresses that nothing answers at any more, and what answers instead."""
        now = {door.address: door.service for door in doors(self.blueprint)}
        for address, service in self.doors.items():
            if address not in now:
                fresh = [new for new, owner in now.items() if owner == service and new not in self.doors]
                instead = f"; {service} answers at {_listed(fresh)} from then on" if fresh else ""
                yield f"{address}: stops for good{instead}"

    def _has_data(self, step: Step) -> bool:
        volumes = {str(mount.get("volumeName", "")) for mount in (step.old.get("inputs") or {}).get("volumes") or ()}
        return any(volume and not _FILES.search(volume) for volume in volumes)

    def _addresses(self, planned: Sequence[Step]) -> Iterator[str]:
        """The routes that lead through something that is replaced."""
        away = {step.parent for step in planned if step.type == _CONTAINER and step.op in {"replace", "delete"}}
        services = {service.name: service for service in self.blueprint.services}
        edges = [service.name for service in self.blueprint.services if service.edge]
        for route in self.blueprint.routes:
            chain, left = set[str](), [route.service, *edges]
            while left:
                name = left.pop()
                if name not in chain and name in services:
                    chain.add(name)
                    left += [need for need in services[name].needs if name == route.service or name not in edges]
            # The proxy is waited for with all that it needs; what it merely leads to is no part of this route.
            hit = sorted(chain & away)
            if hit:
                yield f"{self.blueprint.origin(route)}: does not answer for {self._about(hit)}"

    def _about(self, services: Iterable[str]) -> str:
        """How long these are away, one after the other."""
        known = {service.name: service for service in self.blueprint.services}
        total, sure = 0, True
        for name in services:
            health = known[name].health if name in known else None
            sure = sure and name in self.seconds
            total += self.seconds.get(name, health.start_period if health else 5)
        return f"about {total} s" if sure else f"about {total} s (an estimate: no update has measured it yet)"


def needed_by(blueprint: Blueprint, name: str) -> set[str]:
    """All services that one cannot do without, those that they need among them."""
    services = {service.name: service for service in blueprint.services}
    found, left = set[str](), [*services[name].needs]
    while left:
        need = left.pop()
        if need in services and need not in found:
            found.add(need)
            left += services[need].needs
    return found


def _losses(planned: Sequence[Step], keys: frozenset[str]) -> Iterator[Loss]:
    for step in planned:
        gone = step.op in {"delete", "replace"} and not step.stays
        if not gone:
            continue
        if step.type == _VOLUME and _holds_data(step):
            yield Loss(name=_volume(step), what=f"volume {_volume(step)} with all its data")
        elif step.type == _SERVER:
            name = str((step.old.get("inputs") or {}).get("name") or step.name)
            yield Loss(name=name, what=f"server {name} with everything on it")
        elif step.type == _RANDOM and (name := _secret(step)) and (step.op == "delete" or name in keys):
            yield Loss(name=name, what=f"secret {name}, and what is encrypted or signed with it")


def _secrets(planned: Sequence[Step]) -> Iterator[str]:
    for step in planned:
        if step.type == _RANDOM and (name := _secret(step)):
            if step.op == "replace":
                yield f"secret {name}: gets a new value; the old one is gone"
            elif step.op == "delete":
                yield f"secret {name}: KEY LOST, it is deleted for good"


def _others(planned: Sequence[Step]) -> Iterator[str]:
    """What belongs to no service, one sentence each; what is new is counted."""
    others = [step for step in planned if step.type not in {_CONTAINER, _RANDOM} and not step.type.startswith(_QUIET)]
    for step in others:
        if step.type == _VOLUME:
            yield _data(step)
        elif step.type == _COMMAND:
            yield _command(step) if step.op in {"update", "replace"} else ""
        elif step.op != "create":
            kind = step.type.rpartition(":")[2].lower()
            lost = ", with everything on it" if step.type == _SERVER and step.op in {"delete", "replace"} else ""
            yield f"{kind} {step.inputs().get('name') or step.name}: {_VERBS[step.op]}{lost}"
    new = sum(step.op == "create" and step.type not in {_VOLUME, _COMMAND} for step in others)
    yield f"{new} more object{'s are' if new > 1 else ' is'} made" if new else ""


def _data(step: Step) -> str:
    """The words for a volume; none for one that holds no data."""
    if not _holds_data(step):
        return ""
    if step.op == "create":
        return f"volume {_volume(step)}: made, empty unless Docker has one of this name"
    if step.op == "update":
        return ""
    return (
        f"volume {_volume(step)}: {'leaves the stack; Docker keeps it' if step.stays else 'DATA LOST, it is deleted'}"
    )


def _command(step: Step) -> str:
    """The words for a command that stands for something of its own; nothing for a part of a service."""
    # The old ones where there are some: of new ones not all may be known before the update.
    words = str((step.old.get("inputs") or step.inputs()).get("create") or "").split()
    if words[:2] == ["sh", "components/scripts/routes.sh"]:
        return (
            f"{step.parent.removesuffix('-routes')}: takes its routes and their guards by a reload; no connection ends"
        )
    if words[:3] == ["sh", "components/scripts/host.sh", "apply"]:
        return f"files of {words[3]}: brought up to date; not down"
    # A database is three commands: roles, database, schema.
    database = step.parent.removeprefix("database-")
    return f"database {database}: brought up to date; not down" if database != step.parent else ""


def _holds_data(step: Step) -> bool:
    # A volume that several share (tools, files, a queue) says nothing of data: the next update fills it again.
    return {"label": "homeport.data", "value": "true"} in (step.inputs().get("labels") or ())


def _volume(step: Step) -> str:
    values = step.old.get("inputs") or step.inputs()
    return str(values.get("name") or step.name)


def _secret(step: Step) -> str:
    """The secret's name; nothing where the stack's own use of it is no secret of anybody's."""
    name = step.name.removeprefix(f"{step.parent}-")
    return name if step.parent == "secrets" else ""


def _listed(texts: Iterable[str]) -> str:
    items = [text for text in texts if text]
    return ", ".join(items[:-1]) + (" and " if items[1:] else "") + items[-1] if items else ""
