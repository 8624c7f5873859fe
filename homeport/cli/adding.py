"""An app's block out of what is known of its image, and of what a person says."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from homeport.model.errors import ToolError
from homeport.model.image import floats, parts
from homeport.model.service import NOBODY
from homeport.plan.compose.shapes import NO_WEB, PATH, USER, Known, best_ports, free_port, ordered, part_name, slug

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from homeport.cli.image_facts import Image

ACCESS = ("login", "public", "api-key", "vpn")
_BELOW_1024 = 1024


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the command line says; None: nothing.

    Attributes:
        image: The image.
        name: The app's name.
        port: The port inside; 0: none.
        host: The route's host; empty: no route.
        access: The route's access class.
        health: A path that answers 200; empty: it is enough that something listens.
        user: uid, or uid:gid.
        root: Why it runs as root.
        writable_root: Why it writes to its own image's files.
        env: Variables.
        secrets: Names of secrets.
        volumes: Name to path.
        capabilities: Rights of root that it keeps, with the reasons.
        memory: MB.
        internet: Whether it has a way out.
        database: Whether it has a database.
    """

    image: str
    name: str | None = None
    port: int | None = None
    host: str | None = None
    access: str | None = None
    health: str | None = None
    user: str | None = None
    root: str | None = None
    writable_root: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    volumes: Mapping[str, str] = field(default_factory=dict)
    capabilities: Mapping[str, str] = field(default_factory=dict)
    memory: int | None = None
    internet: bool = False
    database: bool = False


@dataclass(frozen=True, kw_only=True)
class Added:
    """A block, and what is to be said of it.

    Attributes:
        name: The app's name.
        block: What goes below ``homeport:settings.apps.<name>``.
        warnings: Where the careful default may not hold, with the way back.
    """

    name: str
    block: dict[str, Any]
    warnings: tuple[str, ...]


def block(
    asked: Asked,
    image: Image | None,
    taken: frozenset[str],
    ask: Callable[[str, str, str], str] | None,
    ports: Callable[[str], frozenset[int] | None] = lambda _: None,
) -> Added:
    """The app.

    Args:
        asked: What the command line says.
        image: What is known of the image; None: nothing.
        taken: Names that the stack has.
        ask: Asks a person: the question, the flag that answers it, and what is taken where they say nothing; None:
            nobody is there.
        ports: Access class to the ports that are taken on the host; None: a proxy leads to apps.

    Raises:
        ToolError: Something is missing that only a person knows, with the flags that say it; or a name is taken.
    """
    known = image.known if image else Known()
    reference = _reference(asked.image, image)
    name = asked.name or slug(parts(asked.image)[0].rpartition("/")[2])
    if name in taken:
        raise ToolError(
            f"add: the stack has {name} already, and it stays as it is\n"
            f"  fix: bin/homeport add {asked.image} --name <another>"
        )
    result: dict[str, Any] = {"image": reference}
    if (user := _user(asked, known)) is not None:
        result["user"] = user
    result |= _reached(asked, known, name, _Answers(asked.image, ask))
    if "route" in result:
        there = ports(result["route"]["access"])
        own = None if there is None else free_port([result["port"]], there)
        if own not in {None, result["port"]}:
            result["route"]["port"] = own
    if known.health and "health" not in result and asked.health is None:
        result["health"] = {"command": list(known.health)}
    elif "port" not in result and "health" not in result:
        result["waivers"] = {"health": "it has neither a port nor a check of its own"}
    result |= _with_secrets(asked, known)
    said = {
        "env": dict(asked.env),
        "volumes": _volumes(asked, known),
        "memory": asked.memory,
        "internet": asked.internet,
        "capabilities": dict(asked.capabilities),
    }
    result |= {key: value for key, value in said.items() if value}
    return Added(
        name=name, block=ordered(_with_waivers(asked, result)), warnings=tuple(_warnings(asked, image, result))
    )


def words(asked: Asked) -> list[str]:
    """The command line that says the same."""
    single = {
        "--name": asked.name,
        "--port": asked.port,
        "--host": asked.host,
        "--access": asked.access,
        "--health": asked.health,
        "--user": asked.user,
        "--root": asked.root,
        "--writable-root": asked.writable_root,
        "--memory": asked.memory,
    }
    several = {
        "--capability": (f"{name}={reason}" for name, reason in asked.capabilities.items()),
        "--env": (f"{name}={value}" for name, value in asked.env.items()),
        "--secret": asked.secrets,
        "--volume": (f"{name}:{path}" for name, path in asked.volumes.items()),
    }
    line = [asked.image]
    for flag, value in single.items():
        line += [] if value is None else [flag, str(value)]
    for flag, values in several.items():
        for value in values:
            line += [flag, value]
    return [*line, *(["--internet"] if asked.internet else []), *(["--database"] if asked.database else [])]


class _Answers:
    """What flags, a person, or what is known say, in this order; what nobody says is missing."""

    def __init__(self, image: str, ask: Callable[[str, str, str], str] | None) -> None:
        self._image, self._ask = image, ask

    def get(self, given: str | None, question: str, flag: str, default: str | None) -> str:
        """An answer.

        Raises:
            ToolError: Nobody gives one.
        """
        if given is not None:
            return given
        if self._ask is not None:
            return self._ask(question, flag, default or "")
        if default is None:
            word = flag.strip("-")
            raise ToolError(
                f"add: {self._image} does not say its {word}, and nobody is here to ask\n"
                f"  fix: bin/homeport add {self._image} {flag} <{word}> --yes"
            )
        return default


def _reached(asked: Asked, known: Known, name: str, answers: _Answers) -> dict[str, Any]:
    """Its port, its route and how it is asked."""
    port = _port(asked, known, answers)
    if not port:
        return {}
    result: dict[str, Any] = {"port": port}
    # What speaks no HTTP has no route, unless somebody says so.
    likely = "-" if port in NO_WEB else name
    host = answers.get(asked.host, "Host name of its route, below the stack's domain; - for none", "--host", likely)
    if host not in {"", "-"}:
        access = answers.get(asked.access, f"Who may come in: {', '.join(ACCESS)}", "--access", ACCESS[0])
        result["route"] = {"host": host, "access": access}
    health = answers.get(asked.health, "A path that answers 200; - to look at the port alone", "--health", "-")
    if health not in {"", "-"}:
        result["health"] = {"http": health}
    return result


def _with_secrets(asked: Asked, known: Known) -> dict[str, Any]:
    """Secrets: as files, or where an image takes none and its start is known, in its environment."""
    start = {} if known.takes_files else known.start([])
    way = {"deliver": "environment"} if start else {}
    result: dict[str, Any] = {}
    if asked.secrets:
        result["secrets"] = {secret: dict(way) for secret in asked.secrets}
    if asked.database:
        result["database"] = dict(way) or True
    return {**start, **result} if result else {}


def _reference(text: str, image: Image | None) -> str:
    if not floats(text):
        return text
    if image and image.pinned:
        return image.pinned
    raise ToolError(
        f"add: {text} names no version: it is another image tomorrow\n"
        f"  fix: docker pull {text}, which pins what you have; or bin/homeport add {parts(text)[0]}:<version>"
    )


def _port(asked: Asked, known: Known, answers: _Answers) -> int:
    given = None if asked.port is None else str(asked.port)
    likely = best_ports(list(known.ports))
    text = answers.get(
        given, "The port that it listens on, inside; 0 for none", "--port", str(likely[0]) if likely else None
    )
    if text and not re.fullmatch("[0-9]{1,5}", text):
        raise ToolError(f"add: {text} is no port\n  fix: bin/homeport add {asked.image} --port 8080")
    return int(text or 0)


def _user(asked: Asked, known: Known) -> str | None:
    if asked.root:
        return "0"
    if asked.user is not None:
        return asked.user
    if USER.fullmatch(known.user) and known.user.partition(":")[0] != "0":
        return known.user
    return None


def _volumes(asked: Asked, known: Known) -> dict[str, str]:
    volumes = dict(asked.volumes)
    for path in known.volumes:
        if path in volumes.values() or not PATH.fullmatch(path):
            continue
        name = part_name(PurePosixPath(path).name)
        volumes[part_name(path) if name in volumes else name] = path
    return volumes


def _with_waivers(asked: Asked, result: dict[str, Any]) -> dict[str, Any]:
    if asked.root:
        result.setdefault("waivers", {})["root"] = asked.root
    if asked.writable_root:
        result["read_only"] = False
        result.setdefault("waivers", {})["writable_root"] = asked.writable_root
    return result


def _warnings(asked: Asked, image: Image | None, result: Mapping[str, Any]) -> list[str]:
    warnings = []
    user = result.get("user")
    if image is None:
        warnings.append(
            "nothing is known of the image: docker pull it, and its user, ports, volumes and check are read"
        )
    if user is None:
        if image and not USER.fullmatch(image.known.user) and image.known.user not in {"", "root"}:
            warnings.append(
                f"its user {image.known.user} has no number that is known: it runs as {NOBODY}; --user <uid>"
            )
        else:
            starts = "it starts as root in its image, and" if image else "it"
            warnings.append(f'{starts} runs as {NOBODY} here; where it must be root: --root "<why>"')
    uid = int((user or str(NOBODY)).partition(":")[0])
    port = result.get("port", _BELOW_1024)
    if uid and port < _BELOW_1024:
        warnings.append(f"it listens on {port}, which Docker lets another user than root do as well")
    if not asked.writable_root:
        what = "its image's files are read-only; it writes to its volumes, and to /tmp"
        warnings.append(f'{what}; where that is too little: a volume or tmpfs, or --writable-root "<why>"')
    if not asked.internet:
        warnings.append("it has no way out to the internet; where it needs one: --internet")
    return warnings
