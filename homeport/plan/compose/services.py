"""Services of a compose file become apps, with a word on each line of the file."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from homeport.model import template
from homeport.model.errors import Problem
from homeport.plan.compose import secretive
from homeport.plan.compose.account import Account
from homeport.plan.compose.companion import Companion
from homeport.plan.compose.document import Leaf, items, leaves, listed, said
from homeport.plan.compose.keys import LEFT, TOP
from homeport.plan.compose.service import Keys
from homeport.plan.compose.shapes import LONGEST_NAME, Secret, Service, free_port, ordered, slug
from homeport.settings.apps import secret_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from homeport.plan.compose.account import Finding
    from homeport.plan.compose.document import Node
    from homeport.plan.compose.shapes import Choices

_NAMES_A_HOST = re.compile(r"HOST|SERVER|ADDR|UR[IL]|ENDPOINT|BROKER|UPSTREAM|DSN|PROXY|NODE|SERVICE", re.IGNORECASE)

_LONGEST_KEY = 40
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


def translate(
    tree: Mapping[str, Node],
    env_files: Mapping[str, Mapping[str, str] | None],
    choices: Choices,
    variables: Mapping[str, str] | None = None,
) -> Imported:
    """The apps of a compose file, and what became of each of its lines.

    Args:
        tree: The file, with its variables filled in, and what it extends and includes.
        env_files: What each ``env_file`` holds, by its name; None: it is not there.
        choices: What the person decides, or is known.
        variables: The variables that were filled in, for those that a service takes over by their name alone.
    """
    return Translation(tree, env_files, choices, variables or {}).whole()


class Translation:
    """One compose file on its way to apps; what its services ask of each other and of the whole."""

    def __init__(
        self,
        tree: Mapping[str, Node],
        env_files: Mapping[str, Mapping[str, str] | None],
        choices: Choices,
        variables: Mapping[str, str],
    ) -> None:
        self.account = Account()
        self.choices, self.variables = choices, variables
        self._tree, self._env_files = tree, env_files
        self._open: list[Problem] = []
        self._supplied: dict[str, str] = {}
        self._all = {name: items(node) for name, node in items(tree.get("services")).items()}
        self._left_whole = dict(self._whole_left())
        self._volumes_of: dict[str, str] = {}
        self._hosts: list[str] = []
        self._ports: list[int] = []
        self._services: dict[str, Service] = {}
        for name, keys in self._all.items():
            if name not in self._left_whole:
                self._services[name] = Service(
                    name=name, app=self._app_name(name), about=f"services.{name}", keys=dict(keys)
                )

    def whole(self) -> Imported:
        """Everything."""
        self._not_services()
        for service in self._services.values():
            Keys(self, service).read()
        aliases = self._aliases()
        for service in self._services.values():
            self._references(service, aliases)
        if self.choices.database:
            server = Companion.of(self.choices.database, self._all[self.choices.database], self._env_files)
            for service in self._services.values():
                server.replaced(service, self.account)
        self._secrets()
        self._top()
        for leaf in leaves(dict(self._tree)):
            if not self.account.knows(leaf.path):
                empty = leaf.value is None and hasattr(Keys, f"_key_{leaf.path.rpartition('.')[2]}")
                what = "empty, as if it were not there" if empty else "homeport does not know this key"
                self.account.note("taken" if empty else "left", leaf, what)
        for service in self._services.values():
            service.block["needs"] = service.needs
        return Imported(
            apps={service.app: ordered(service.block) for service in self._services.values()},
            findings=self.account.findings(),
            open=tuple(self._open),
            supplied=dict(self._supplied),
        )

    def _not_services(self) -> None:
        """Services that become no app."""
        nodes = items(self._tree.get("services"))
        for name, why in self._left_whole.items():
            self.account.note("left", nodes[name], why, about=f"services.{name}")
        for name, node in nodes.items():
            if isinstance(node, Leaf):
                self._open.append(Problem(f"services.{name}", "has nothing in it", "Take it out of the file"))

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

    def host(self, wanted: str, app: str) -> str:
        """The label of an app's route: the one that the file has for it, or its name where that is taken."""
        taken = self.choices.hosts | set(self._hosts)
        label = next(
            text for text in (wanted, app, *(f"{app}-{number}" for number in range(2, 99))) if text not in taken
        )
        self._hosts.append(label)
        return label

    def outside(self, wanted: Iterable[int]) -> int | None:
        """The number of an app's own port on the host; None where it has none."""
        if self.choices.ports is None:
            return None
        port = free_port(wanted, self.choices.ports | set(self._ports))
        self._ports.append(port)
        return port

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
            if self.choices.only and name not in self.choices.only:
                yield name, "not asked for: --service names others"
            elif name == self.choices.database:
                yield name, "the stack's own PostgreSQL takes its place (--database); its data is not moved"
            elif name in jobs:
                yield name, "runs once, to its end, before others start: an app runs always, or on a schedule"
            elif not keys:
                yield name, "has nothing in it"

    def _app_name(self, name: str) -> str:
        plain = slug(name)
        used = {service.app for service in self._services.values()} | self.choices.taken
        if plain in used and self.choices.project:
            plain = slug(f"{self.choices.project}-{name}")
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
                for other in listed(items(network).get("aliases")):
                    result.setdefault(said(other), service)
        for service in self._services.values():
            for link in listed(service.keys.get("links")):
                target, _, alias = said(link).partition(":")
                if alias and target in self._services:
                    result.setdefault(alias, self._services[target])
        return result

    def _references(self, service: Service, aliases: Mapping[str, Service]) -> None:
        """Whom it names in its settings it must reach: it needs it, and calls it by the app's name."""
        for alias, other in aliases.items():
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
                self.account.note("left", None, what, about=service.about)
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
                _with_host(known, pattern, app) if known.name == key else known for known in service.secrets
            ]
        what = f"{key} names {app}, as the app of {alias} is called"
        self.account.note("hardened", service.lines.get(key), what, about=service.about)

    def _secrets(self) -> None:
        """Each secret by itself, or shared by all to whom the file gives the same."""
        order = self._by_needs()
        groups = _groups([secret for service in order for secret in service.secrets])
        for service in order:
            block = {
                secret.name: self._connection(service, secret, groups)
                if secret.around
                else self._declared(service, secret, groups)
                for secret in sorted(service.secrets, key=lambda item: bool(item.around))
            }
            if block:
                service.block["secrets"] = block
            self._read_by_shells(service)
            self._unasked(service)

    def _read_by_shells(self, service: Service) -> None:
        """A check has no secret in its environment, and a command has one only where it is delivered so."""
        for secret in service.secrets:
            named = re.compile(rf"\$\{{?{re.escape(secret.name)}\b")
            if any(named.search(word) for word in service.block.get("health", {}).get("command", ())):
                del service.block["health"]
                what = f"it asks with {secret.name}, which is in no environment of a check"
                self.account.note("left", service.keys.get("healthcheck"), what, about=service.about)
            words = (*service.block.get("command", ()), *service.block.get("entrypoint", ()))
            inside = service.block["secrets"][secret.name].get("deliver") == "environment"
            if not inside and any(named.search(word) for word in words):
                what = f"its command reads {secret.name} from its environment, and it comes as a file"
                self.account.note("left", None, what, about=service.about)

    def _unasked(self, service: Service) -> None:
        """Nobody asks how it is where there is neither a check nor a port: a weakness, with its reason."""
        if "health" not in service.block and "port" not in service.block:
            reason = "the compose file names neither a check nor a port"
            service.block["waivers"] = {**service.block.get("waivers", {}), "health": reason}
            self.account.note("left", None, f"nobody asks how it is: {reason}", about=service.about)

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
        manner = secretive.manner(first.name if first.mounted else first.variable or first.name, first.value)
        if first.mounted and not secretive.name_tells(first.name):
            # A certificate, a key, whatever is in the file: nothing that could be made here.
            manner = secretive.Manner(kind="text")
        declared: dict[str, Any] = {}
        if manner.kind != "password":
            declared["kind"] = manner.kind
        if manner.encrypts:
            declared["encrypts"] = True
        if secret.mounted:
            declared["path"] = secret.mounted
        else:
            declared |= self._way(service)
        shared = _shared(group)
        key = self._key(first, shared=shared)
        if shared:
            declared["shared_as"] = key
        if manner.supplied:
            self._supplied.setdefault(key, f"{secret.name} of {service.app}")
        self._said(service, secret, key, declared, "from whoever made it" if manner.supplied else "made anew")
        return declared

    def _said(self, service: Service, secret: Secret, key: str, declared: Mapping[str, Any], whence: str) -> None:
        """What becomes of a line that holds a secret."""
        inside = bool(secret.mounted) or declared.get("deliver") == "environment"
        way = "" if inside else f"; a file, which {secret.name}_FILE names"
        waiver = f"homeport:settings.apps.{service.app}.secrets.{secret.name}.deliver: environment, with its entrypoint"
        self.account.note(
            "hardened",
            secret.leaf if secret.leaf is not None else {},
            f"{secret.name} is the stack's secret {key}, {whence}, and in no setting{way}",
            waiver="" if inside else f"{waiver}, where the image reads no file",
        )

    def _key(self, secret: Secret, *, shared: bool = False) -> str:
        """The config key of a secret: the settings' own, or where several share it one that may be written."""
        key = secret_name(self._services[secret.service].app, secret.name)
        if not shared or len(key) <= _LONGEST_KEY:
            return key
        return f"{key[: _LONGEST_KEY - 9].rstrip('-')}-{hashlib.sha256(key.encode()).hexdigest()[:8]}"

    def _connection(self, service: Service, secret: Secret, groups: Mapping[Secret, list[Secret]]) -> dict[str, Any]:
        """A text with secrets in it: around them where all are known by themselves, else a secret as a whole."""
        by_value = {known.value: group for known, group in groups.items() if known.value}
        by_variable = {known.variable: group for known, group in groups.items() if known.variable}
        key = self._key(secret)
        pieces: list[str] = []
        at = 0
        for part in secret.around:
            known = by_variable.get(part.variable) or by_value.get(part.value)
            if known is None or template.names(secret.value):
                declared = {"kind": "text", **self._way(service)}
                self._supplied.setdefault(key, f"{secret.name} of {service.app}")
                self._said(service, secret, key, declared, "from whoever made it")
                return declared
            pieces += [secret.value[at : len(part.before)], f"{{{self._key(known[0], shared=_shared(known))}}}"]
            at = len(part.before) + len(part.value)
        declared = {"template": "".join([*pieces, secret.value[at:]]), **self._way(service)}
        self._said(
            service, secret, " and ".join(template.names(declared["template"])), declared, "with what is around it"
        )
        return declared

    def _way(self, service: Service) -> dict[str, Any]:
        return {"deliver": "environment"} if "entrypoint" in service.block else {}

    def _top(self) -> None:
        """What stands beside the services."""
        note = self.account.note
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
                note(
                    "hardened",
                    node,
                    "declared by each app that it is given to; its value is the stack's, and no file is read",
                )
            elif key.startswith("x-"):
                note(
                    "left",
                    node,
                    "an extension that compose itself does not read; what it is the anchor of is read there",
                )
            elif key in LEFT or key in TOP:
                note("left", node, TOP.get(key) or LEFT[key])

    def _top_volumes(self, node: Node) -> None:
        if isinstance(node, Leaf):
            self.account.note("taken", node, "each app names its volumes itself")
        for below in items(node).values():
            if isinstance(below, Leaf):
                self.account.note("taken", below, "each app names its volumes itself")
            for key, value in items(below).items():
                if key == "driver" and said(value) in {"", "local"}:
                    self.account.note("taken", value, "Docker's own")
                elif key in {"name", "external"}:
                    self.account.note("left", value, "an app's volume is new, and named after it; no data is moved")
                else:
                    self.account.note("left", value, "an app's volume is Docker's own, without options")


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


def _shared(group: list[Secret]) -> bool:
    return any(known.service != group[0].service for known in group)


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
    found = re.compile(
        rf"(?:^|//|@|[\s,=(\[\"'])(?<![\w.-]){re.escape(alias)}(?=:[0-9]{{2,5}}\b)|(?://|@){re.escape(alias)}(?=[/:?\s,\"']|$)"
    )
    return bool(found.search(text))
