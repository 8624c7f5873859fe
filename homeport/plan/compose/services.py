"""Services of a compose file become apps, with a word on each line of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from homeport.model import template
from homeport.model.errors import Problem
from homeport.plan.compose import secretive
from homeport.plan.compose.account import Account
from homeport.plan.compose.document import Leaf, items, leaves, listed, said
from homeport.plan.compose.keys import LEFT, TOP
from homeport.plan.compose.service import Keys
from homeport.plan.compose.shapes import LONGEST_NAME, Secret, Service, slug

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from homeport.plan.compose.account import Finding
    from homeport.plan.compose.document import Node
    from homeport.plan.compose.shapes import Choices

_NAMES_A_HOST = re.compile(r"HOST|SERVER|ADDR|UR[IL]|ENDPOINT|BROKER|UPSTREAM|DSN|PROXY|NODE|SERVICE", re.IGNORECASE)

_HIGH = re.compile(r"ROOT|ADMIN|SUPER|MASTER", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What a compose file becomes.

    Attributes:
        apps: Name to the block below ``homeport:settings.apps``.
        findings: What became of each line.
        open: What must be decided before the blocks can be written.
        supplied: Config keys of secrets that somebody else made, with what they are for.
    """

    apps: Mapping[str, dict[str, Any]]
    findings: tuple[Finding, ...]
    open: tuple[Problem, ...]
    supplied: Mapping[str, str]


def translate(tree: Mapping[str, Node], env_files: Mapping[str, Mapping[str, str] | None], choices: Choices) -> Imported:
    """The apps of a compose file, and what became of each of its lines.

    Args:
        tree: The file, with its variables filled in, and what it extends and includes.
        env_files: What each ``env_file`` holds, by its name; None: it is not there.
        choices: What the person decides, or is known.
    """
    return Translation(tree, env_files, choices).whole()


class Translation:
    def __init__(
        self,
        tree: Mapping[str, Node],
        env_files: Mapping[str, Mapping[str, str] | None],
        choices: Choices,
    ) -> None:
        self._tree, self._env_files, self._choices = tree, env_files, choices
        self._account = Account()
        self._open: list[Problem] = []
        self._supplied: dict[str, str] = {}
        self._all = {name: items(node) for name, node in items(tree.get("services")).items()}
        self._left_whole = dict(self._whole_left())
        self._volumes_of: dict[str, str] = {}
        self._services: dict[str, Service] = {}
        for name, keys in self._all.items():
            if name not in self._left_whole:
                self._services[name] = Service(
                    name=name, app=self._app_name(name), about=f"services.{name}", keys=dict(keys)
                )

    def whole(self) -> Imported:
        """Everything."""
        for name, why in self._left_whole.items():
            self._account.note("left", items(self._tree.get("services"))[name], why, about=f"services.{name}")
        for name, node in items(self._tree.get("services")).items():
            if isinstance(node, Leaf):
                self._account.note("left", node, "a service is a mapping")
                self._open.append(Problem(f"services.{name}", "has nothing in it", "Take it out of the file"))
        for service in self._services.values():
            Keys(self, service).read()
        for service in self._services.values():
            self._references(service)
        self._secrets()
        self._top()
        for leaf in leaves(dict(self._tree)):
            if not self._account.knows(leaf.path):
                self._account.note("left", leaf, "homeport does not know this key")
        for service in self._services.values():
            if service.needs:
                service.block["needs"] = service.needs
        apps = {service.app: _ordered(service.block) for service in self._services.values()}
        return Imported(
            apps=apps, findings=self._account.findings(), open=tuple(self._open), supplied=dict(self._supplied)
        )

    # What others of this module's classes ask.

    @property
    def account(self) -> Account:
        return self._account

    @property
    def choices(self) -> Choices:
        return self._choices

    @property
    def tree(self) -> Mapping[str, Node]:
        return self._tree

    def decide(self, problem: Problem) -> None:
        """The person has to decide something first."""
        self._open.append(problem)

    def env_file(self, name: str) -> Mapping[str, str] | None:
        """What an ``env_file`` holds; None: it is not there."""
        return self._env_files.get(name)

    def service(self, name: str) -> Service | None:
        """The service of that name, if it becomes an app."""
        return self._services.get(name)

    def left_whole(self, name: str) -> str:
        """Why a service becomes no app."""
        return self._left_whole.get(name, "")

    def owner_of(self, volume: str, service: str) -> str:
        """The service that has a named volume first."""
        return self._volumes_of.setdefault(volume, service)

    # The parts.

    def _whole_left(self) -> Iterator[tuple[str, str]]:
        jobs = {
            name
            for keys in self._all.values()
            for name, below in items(keys.get("depends_on")).items()
            if said(items(below).get("condition")) == "service_completed_successfully"
        }
        for name, keys in self._all.items():
            if self._choices.only and name not in self._choices.only:
                yield name, "not asked for: --service names others"
            elif name == self._choices.database:
                yield name, "the stack's own PostgreSQL takes its place (--database); its data is not moved"
            elif name in jobs:
                yield name, "runs once, to its end, before others start: an app runs always, or on a schedule"
            elif not keys:
                yield name, "has nothing in it"

    def _app_name(self, name: str) -> str:
        plain = slug(name)
        used = {service.app for service in self._services.values()} | self._choices.taken
        if plain in used and self._choices.project:
            plain = slug(f"{self._choices.project}-{name}")
        number = 2
        while plain in used:
            plain = f"{plain[: LONGEST_NAME - 3].rstrip('-')}-{number}"
            number += 1
        return plain

    def _aliases(self) -> dict[str, Service]:
        """By which names services reach each other."""
        result: dict[str, Service] = {}
        for service in self._services.values():
            result[service.name] = service
            for key in ("container_name", "hostname"):
                if name := said(service.keys.get(key)):
                    result.setdefault(name, service)
            for network in items(service.keys.get("networks")).values():
                for alias in listed(items(network).get("aliases")):
                    result.setdefault(said(alias), service)
        for service in self._services.values():
            for link in listed(service.keys.get("links")):
                target, _, alias = said(link).partition(":")
                if alias and target in self._services:
                    result.setdefault(alias, self._services[target])
        return result

    def _references(self, service: Service) -> None:
        """Whom it names in its settings it must reach: it needs it, and calls it by the app's name."""
        for alias, other in self._aliases().items():
            if other is service:
                continue
            for key, text in list(service.texts):
                if not _names(alias, key, text):
                    continue
                self.need(service, other.app, f"{service.about}: {key} names it")
                if alias != other.app:
                    self._renamed(service, key, alias, other.app)

    def need(self, service: Service, app: str, why: str) -> None:
        """One app needs another, unless that one needs it already."""
        if app in service.needs:
            return
        by_app = {known.app: known for known in self._services.values()}
        waiting, seen = [app], set()
        while waiting:
            name = waiting.pop()
            if name == service.app:
                what = f"it would need {app} ({why}), which needs it: it does not reach it; they share no network"
                self._account.note("left", None, what, about=service.about)
                return
            if name not in seen and name in by_app:
                seen.add(name)
                waiting += by_app[name].needs
        service.needs.append(app)

    def _renamed(self, service: Service, key: str, alias: str, app: str) -> None:
        pattern = _reference(alias)
        env = service.block.get("env", {})
        if key in env:
            env[key] = pattern.sub(app, env[key])
        elif key in {"command", "entrypoint"} and key in service.block:
            service.block[key] = [pattern.sub(app, word) for word in service.block[key]]
        else:
            service.secrets = [
                _with_host(secret, pattern, app) if secret.name == key else secret for secret in service.secrets
            ]
        self._account.note("hardened", None, f"{key} names {app}, as the app of {alias} is called", about=service.about)

    def _secrets(self) -> None:
        """Each secret by itself, or shared by all to whom the file gives the same."""
        order = self._by_needs()
        everywhere = [secret for service in order for secret in service.secrets]
        groups = _groups(everywhere)
        for service in order:
            block: dict[str, Any] = {}
            for secret in service.secrets:
                if not secret.around:
                    block[secret.name] = self._declared(service, secret, groups)
            for secret in service.secrets:
                if secret.around:
                    block[secret.name] = self._connection(service, secret, groups, order)
            if block:
                service.block["secrets"] = block

    def _by_needs(self) -> list[Service]:
        """Those first that others need: theirs are the names of shared secrets."""
        done: list[Service] = []
        waiting = list(self._services.values())
        while waiting:
            known = {service.app for service in done}
            ready = [service for service in waiting if set(service.needs) <= known] or waiting
            done += ready
            waiting = [service for service in waiting if service not in ready]
        return done

    def _declared(self, service: Service, secret: Secret, groups: Mapping[Secret, list[Secret]]) -> dict[str, Any]:
        group = groups[secret]
        first = group[0]
        manner = secretive.manner(first.variable or first.name, first.value)
        declared: dict[str, Any] = {}
        if manner.kind != "password":
            declared["kind"] = manner.kind
        if manner.encrypts:
            declared["encrypts"] = True
        if secret.mounted:
            declared["path"] = secret.mounted
        else:
            declared |= self._way(service, secret)
        key = self._key(first)
        if secret is not first:
            declared["shared_as"] = key
        if manner.supplied:
            self._supplied.setdefault(key, f"{secret.name} of {service.app}")
        return declared

    def _key(self, secret: Secret) -> str:
        return f"{self._services[secret.service].app}-{secret.name.lower().replace('_', '-')}"

    def _connection(
        self, service: Service, secret: Secret, groups: Mapping[Secret, list[Secret]], order: Iterable[Service]
    ) -> dict[str, Any]:
        """A text with secrets in it: written around them where all are known by themselves, else a secret as a whole."""
        known = {item.value: item for group in groups.values() for item in group if not item.around and item.value}
        by_variable = {item.variable: item for known_in in order for item in known_in.secrets if item.variable}
        pieces: list[str] = []
        at = 0
        whole = secret.value
        for part in secret.around:
            item = by_variable.get(part.variable) or known.get(part.value)
            if item is None or item.around or template.names(whole):
                key = self._key(secret)
                self._supplied.setdefault(key, f"{secret.name} of {service.app}")
                return {"kind": "text", **self._way(service, secret)}
            start = len(part.before)
            pieces += [whole[at:start], f"{{{self._key(groups[item][0])}}}"]
            at = start + len(part.value)
        return {"template": "".join([*pieces, whole[at:]]), **self._way(service, secret)}

    def _way(self, service: Service, secret: Secret) -> dict[str, Any]:
        return {"deliver": "environment"} if "entrypoint" in service.block and not secret.by_file else {}

    def _top(self) -> None:
        """What stands beside the services."""
        note = self._account.note
        for key, node in self._tree.items():
            if key in {"name", "version"}:
                note("taken", node, "an app is named by itself; this is only looked at for names that are taken")
            elif key == "include":
                note("taken", node, "read as if it stood here")
            elif key == "networks":
                note("hardened", node, "each app has a network of its own; who needs whom is in needs")
            elif key == "volumes":
                self._top_volumes(node)
            elif key == "secrets":
                note("taken", node, "each app that it is given to declares it; its value comes from the stack's secrets")
            elif key.startswith("x-"):
                note("left", node, "an extension that compose itself does not read; what it is the anchor of is read there")
            elif key in LEFT or key in TOP:
                note("left", node, TOP.get(key) or LEFT[key])

    def _top_volumes(self, node: Node) -> None:
        if isinstance(node, Leaf):
            self._account.note("taken", node, "each app names its volumes itself")
        for below in items(node).values():
            if isinstance(below, Leaf):
                self._account.note("taken", below, "each app names its volumes itself")
            for key, value in items(below).items():
                if key == "driver" and said(value) in {"", "local"}:
                    self._account.note("taken", value, "Docker's own")
                elif key in {"name", "external"}:
                    self._account.note("left", value, "an app's volume is new, and named after it; no data is moved")
                else:
                    self._account.note("left", value, "an app's volume is Docker's own, without options")


def _with_host(secret: Secret, pattern: re.Pattern[str], app: str) -> Secret:
    """The same with another host name in the text around it."""
    def changed(text: str) -> str:
        return pattern.sub(app, text)

    around = []
    whole = changed(secret.value)
    at = 0
    for part in secret.around:
        start = whole.find(part.value, at)
        if start < 0:
            return secret
        around.append(
            secretive.Inside(
                before=whole[:start], value=part.value, after=whole[start + len(part.value) :], variable=part.variable
            )
        )
        at = start + len(part.value)
    return replace(secret, value=whole, around=tuple(around))


def _groups(secrets: list[Secret]) -> dict[Secret, list[Secret]]:
    """Each secret with those that are the same: of one variable, of one mounted secret, or of one value elsewhere."""
    groups: list[list[Secret]] = []
    for secret in secrets:
        if secret.around:
            continue
        likeness, number = max(((_likeness(secret, group), -at) for at, group in enumerate(groups)), default=(0, 0))
        if likeness:
            groups[-number].append(secret)
        else:
            groups.append([secret])
    return {secret: group for group in groups for secret in group}


def _likeness(secret: Secret, group: list[Secret]) -> int:
    """How sure it is that a secret is the group's: 0 is no."""
    if any(secret.variable and secret.variable == known.variable for known in group):
        return 4
    if not secret.value or any(known.service == secret.service for known in group):
        return 0
    if all(secret.value != known.value for known in group):
        return 0
    # A file for trying things out has one password for everything: the administrator's is meant by its name alone.
    if any(secret.name == known.name for known in group):
        return 3
    return 2 if any(bool(_HIGH.search(secret.name)) == bool(_HIGH.search(known.name)) for known in group) else 1


def _reference(alias: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-]){re.escape(alias)}(?![\w-]|\.[A-Za-z0-9])")


def _names(alias: str, key: str, text: str) -> bool:
    """Whether a setting names a host: alone under a name that asks for one, or where a URL or an address has it."""
    if text.strip() == alias:
        return bool(_NAMES_A_HOST.search(key))
    found = re.compile(rf"(?:^|//|@|[\s,=(\[\"'])(?<![\w.-]){re.escape(alias)}(?=:[0-9]{{2,5}}\b)|(?://|@){re.escape(alias)}(?=[/:?\s,\"']|$)")
    return bool(found.search(text))


def _ordered(block: dict[str, Any]) -> dict[str, Any]:
    """In the order of docs/apps.md."""
    order = (
        "image", "enabled", "purpose", "command", "entrypoint", "user", "port", "route", "env", "secrets", "database",
        "volumes", "health", "memory", "cpus", "pids", "needs", "schedule", "role", "internet", "tmpfs", "read_only",
        "capabilities", "waivers",
    )  # fmt: skip
    return {key: block[key] for key in order if key in block and block[key] not in ({}, [], None)}
