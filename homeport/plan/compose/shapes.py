"""How compose writes sizes, times and ports, and what a service is on its way to an app."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from homeport.plan.compose.document import Node
    from homeport.plan.compose.secretive import Inside

VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
PATH = re.compile(r"(?:/[A-Za-z0-9._@+-]+)+")
USER = re.compile(r"[0-9]{1,9}(?::[0-9]{1,9})?")
LONGEST_NAME = 31
WEB = (80, 8080, 3000, 8000, 5000, 8081, 8888, 9000, 4000)
"""Ports that answer HTTP where nothing else is known, in this order."""
# What speaks no HTTP on its port, so that no route can lead there. Source: IANA's list of port numbers.
NO_WEB = frozenset(
    {21, 22, 25, 53, 110, 143, 389, 443, 465, 587, 636, 993, 995, 1433, 1521, 1883, 2181, 3306, 4222, 5432, 5672, 6379,
     8443, 8883, 9092, 11211, 26379, 27017}
)  # fmt: skip
_WHOLE = re.compile(r"[0-9]{1,9}")
_SIZE = re.compile(r"(?P<number>[0-9]{1,18}(?:\.[0-9]+)?)\s*(?P<unit>[bkmgt]?)(?:i?b)?", re.IGNORECASE)
_UNITS = {"": 2**-20, "b": 2**-20, "k": 2**-10, "m": 1, "g": 2**10, "t": 2**20}
_TIME = re.compile(r"(?P<number>[0-9]{1,18}(?:\.[0-9]+)?)(?P<unit>ns|us|µs|ms|s|m|h)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1, "m": 60, "h": 3600}
_MOST_PORTS = 65535
_ORDER = (
    "image", "enabled", "purpose", "command", "entrypoint", "user", "port", "route", "env", "secrets", "database",
    "volumes", "health", "memory", "cpus", "pids", "needs", "schedule", "role", "internet", "tmpfs", "read_only",
    "capabilities", "waivers",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Known:
    """What an image says of itself.

    Attributes:
        user: As the image has it; empty: root.
        entrypoint: Its entry point.
        command: Its arguments.
        ports: Ports that it names, TCP alone.
        volumes: Folders that it names.
        health: Its health check, exec form; empty: none.
        variables: The names in its environment.
    """

    user: str = ""
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    health: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()

    @property
    def takes_files(self) -> bool:
        """Whether it has shown that it reads secrets from files."""
        return any(name.endswith("_FILE") for name in self.variables)

    def start(self, command: list[str]) -> dict[str, list[str]]:
        """Entry point and command as a block names both, for a program that is to find secrets in its environment.

        Args:
            command: The arguments in the place of the image's own; empty: those.
        """
        words = command or list(self.command)
        if not self.entrypoint:
            return {"entrypoint": words} if words else {}
        return {"entrypoint": list(self.entrypoint), **({"command": words} if words else {})}


@dataclass(frozen=True, kw_only=True)
class Choices:
    """What the person decides, or is known of the place that the apps go to.

    Attributes:
        project: The name of the compose project, for names that are taken already.
        only: Services to take; empty: all.
        profiles: Profiles that are switched on.
        images: Service to another image than the file's.
        access: Access class of routes.
        database: The service whose place the stack's PostgreSQL takes; empty: none.
        taken: Names of apps, services and routes that the stack has.
        words: Words that stand for something in an app's variables, in braces.
        ports: The ports that are taken, where apps have ports of their own on the host; None: a proxy leads to them.
        hosts: Labels below the stack's domain that its routes have.
        pins: Image, as the file has it, to the same with a digest, where it is on this machine.
        facts: Image to what is known of it, for those that are on this machine.
    """

    project: str = ""
    only: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    images: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    access: str = "login"
    database: str = ""
    taken: frozenset[str] = frozenset()
    words: frozenset[str] = frozenset({"domain"})
    hosts: frozenset[str] = frozenset()
    ports: frozenset[int] | None = None
    pins: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    facts: Mapping[str, Known] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, kw_only=True)
class Secret:
    """A secret that a service is given, before it is known who shares it.

    Attributes:
        service: The service, by its name in the file.
        name: The variable.
        value: The file's value, with what stands around it; empty: none.
        variable: The variable of compose that it came from; empty: none.
        mounted: The path of the file that the program reads it from; empty: none.
        around: The secrets in it, where the variable holds more than one secret alone.
        leaf: Where the file says so; None: that is answered for elsewhere.
    """

    service: str
    name: str
    value: str = field(repr=False)
    variable: str = ""
    mounted: str = ""
    around: tuple[Inside, ...] = field(default=(), repr=False)
    leaf: Node | None = field(default=None, repr=False, compare=False)


@dataclass(kw_only=True)
class Service:
    """A service on its way to an app.

    Attributes:
        name: In the file.
        app: The app's name.
        about: Where it stands in the file.
        keys: What the file says of it.
        block: What becomes of it.
        secrets: Those that it is given.
        needs: The apps that it needs.
        texts: Where hosts may be named: the setting's name and its text.
        lines: Where each variable of its environment stands.
    """

    name: str
    app: str
    about: str
    keys: dict[str, Node]
    block: dict[str, Any] = field(default_factory=dict)
    secrets: list[Secret] = field(default_factory=list)
    needs: list[str] = field(default_factory=list)
    texts: list[tuple[str, str]] = field(default_factory=list)
    lines: dict[str, Node] = field(default_factory=dict)


def ordered(block: dict[str, Any]) -> dict[str, Any]:
    """A block in the order of docs/apps.md, without what is empty."""
    return {key: block[key] for key in _ORDER if key in block and block[key] not in ({}, [], None)}


def slug(name: str) -> str:
    """A name as an app takes it."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    text = text if text[:1].isalpha() else f"app-{text}"
    return text[:LONGEST_NAME].strip("-")


def part_name(name: str) -> str:
    """A name as a volume of an app takes it."""
    text = re.sub(r"[^a-z0-9_-]+", "-", name.lower()).strip("-_")
    text = text if text[:1].isalpha() else f"v-{text}"
    return text[:40].strip("-_")


def megabytes(text: str) -> float | None:
    """A size as compose writes it, as in ``1.5gb``, in MB; None where it is none."""
    match = _SIZE.fullmatch(text.strip())
    return float(match["number"]) * _UNITS[match["unit"].lower()] if match else None


def seconds(text: str) -> float | None:
    """A time as compose writes it, as in ``1m30s``; None where it is none."""
    matches = list(_TIME.finditer(text.strip()))
    if not matches or "".join(match[0] for match in matches) != text.strip():
        return 0.0 if text.strip() == "0" else None
    return sum(float(match["number"]) * _SECONDS[match["unit"]] for match in matches)


def whole(text: str) -> int:
    """A whole number from 1 on; 0 where it is none, or longer than any that is meant."""
    return int(text) if _WHOLE.fullmatch(text) else 0


def port_numbers(text: str) -> tuple[int, ...]:
    """The ports of ``8000`` or ``8000-8002``; none where it is no port."""
    first, dash, last = text.partition("-")
    low, high = whole(first), whole(last if dash else first)
    return tuple(range(low, high + 1)) if 1 <= low <= high <= _MOST_PORTS else ()


def free_port(wanted: Iterable[int], taken: Collection[int]) -> int:
    """The first of the ports that nobody has; of all that one may have from 8000 on, where somebody has each."""
    candidates: tuple[int, ...] = (*wanted, *range(8000, _MOST_PORTS))
    return next(port for port in candidates if port not in taken)


def best_ports(numbers: list[int]) -> list[int]:
    """Ports, those first that look like the web's."""
    web = [number for number in WEB if number in numbers]
    plain = [number for number in numbers if number not in NO_WEB and number not in web]
    return list(dict.fromkeys([*web, *plain, *numbers]))
