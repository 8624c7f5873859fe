"""How long each kind of change takes what people see away: what `preview` said, and what a visitor measured.

`make bench ARGS=--downtime`. One stack of ai-orchestrator on this machine's Docker, brought up by `homeport up`; then
one change of its settings after the other. All the while /healthz is asked through the proxy every 200 ms.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import socket
import ssl
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from bench import inspected, tools, world
from bench.figures import table
from bench.with_homeport import Homeport
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bench.world import Stack

PAGE = world.ROOT / "docs" / "downtime.md"
EVERY = 0.2
"""Seconds between two questions."""
_TIMEOUT = 2.0
_TAG = "homeport-bench"
_TOKEN = hashlib.sha256(b"nobody's key").hexdigest()
_NEW_SERVICE = (
    "catalog/presets/ai_orchestrator/preset.py",
    "services=(POSTGRES, REDIS, N8N, EXECUTOR, CADDY)",
    'services=(POSTGRES, REDIS, N8N, EXECUTOR, CADDY, __import__("dataclasses").replace(EXECUTOR, name="ai-another"))',
)
"""One more, like one that is there: what a user does by copying a folder."""
_APP = {
    "image": "python:3.11-slim-bookworm",
    "command": ["python", "-m", "http.server", "8000", "--directory", "/srv"],
    "port": 8000,
    "route": {"host": "hello", "access": "public"},
    "health": {"http": "/"},
    "volumes": {"files": "/srv"},
    "memory": 64,
}


@dataclass(frozen=True, kw_only=True)
class Change:
    """One kind of change.

    Attributes:
        what: In words.
        settings: What is laid over the settings, mappings into mappings.
        secrets: Configuration that goes with it.
        edit: A file of the checkout, a text in it, and what takes its place; empty: no file is changed.
    """

    what: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(default_factory=dict)
    edit: tuple[str, str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a change did.

    Attributes:
        what: The change.
        said: The sentences of `homeport preview`.
        away: Seconds from the first question without an answer to the next one with.
        took: Seconds of the whole `homeport up`.
    """

    what: str
    said: tuple[str, ...]
    away: float
    took: float


def changes(https: int, image: str) -> tuple[Change, ...]:
    """The kinds, in the order in which they are made; each stays when the next is made."""
    provider = {"url": "https://embeddings.example.com/v1", "model": "example", "dimensions": 384}
    return (
        Change(what="a new service", settings={}, edit=_NEW_SERVICE),
        Change(what="memory of a service", settings={"services": {"ai-n8n": {"memory": 1152}}}),
        Change(what="password of the cache", settings={"rotate": {"redis-password": 2}}),
        Change(what="password of PostgreSQL", settings={"rotate": {"postgres-password": 2}}),
        Change(
            what="embedding provider",
            settings={"embedding": provider},
            secrets={"embedding-api-key": _TOKEN},
        ),
        Change(what="a new app with a route", settings={"apps": {"hello": _APP}}),
        Change(what="host name of an app's route", settings={"apps": {"hello": {"route": {"host": "other"}}}}),
        Change(what="key that n8n's route asks for, and n8n has too", settings={"rotate": {"n8n-webhook-api-key": 2}}),
        Change(what="host name of a route", settings={"hostnames": {"n8n": "editor.localhost"}}),
        Change(what="https port", settings={"edge": {"https_port": https}}),
        Change(what="n8n's image", settings={"services": {"ai-n8n": {"image": image}}}),
        Change(what="nothing", settings={}),
    )


class Visitor:
    """Asks /healthz through the proxy, at whatever name and port it has now; a context.

    Args:
        doors: Names and ports, of which one has to answer.
        password: Of the proxy's user: without it the proxy answers by itself, whether n8n is there or not.
    """

    def __init__(self, doors: list[tuple[str, int]], password: str) -> None:
        self.doors = doors
        self._login = {"Authorization": "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()}
        self._answers: list[tuple[float, bool]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._ask, daemon=True)
        # The certificate is that of the proxy's own authority, made a moment ago.
        self._tls = ssl._create_unverified_context()  # noqa: S323, SLF001  # as said above; it has no public name

    def __enter__(self) -> Self:
        if not self._answered():
            # Or all of the update would count as time without an answer.
            raise ToolError(f"bench, downtime: nothing answers at {self.doors} before the change\n  fix: see docker ps")
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def away(self) -> float:
        """The sum of all gaps, each from its first question to the next answer."""
        total, began = 0.0, None
        for when, answered in [*self._answers, (time.monotonic(), True)]:
            if answered and began is not None:
                total += when - began
            began = (began or when) if not answered else None
        return total

    def _ask(self) -> None:
        while not self._over.is_set():
            when = time.monotonic()
            self._answers.append((when, self._answered()))
            self._over.wait(max(when + EVERY - time.monotonic(), 0))

    def _answered(self) -> bool:
        return any(self._answers_at(*door) for door in self.doors)

    def _answers_at(self, host: str, port: int) -> bool:
        connection = http.client.HTTPConnection(host, port, timeout=_TIMEOUT)
        try:
            raw = socket.create_connection(("127.0.0.1", port), _TIMEOUT)
            connection.sock = self._tls.wrap_socket(raw, server_hostname=host)
            connection.request("GET", "/healthz", headers=self._login)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


def run() -> list[Measured]:
    """Brings a stack up, measures each change, and removes it, however it ends.

    Raises:
        ToolError: A command failed.
    """
    folder = tools.cache() / "bench" / "downtime"
    checkout = folder / "checkout"
    world.copy_checkout(checkout)
    stack = world.stack("hbdowntime", 7, full=True)
    stack.settings["services"] = {}
    inspected.sweep(stack)
    image = next(service.image for service in stack.blueprint.services if service.name == "ai-n8n")
    tagged = f"{image.rpartition(':')[0]}:{image.rpartition(':')[2].partition('@')[0]}-{_TAG}"
    measured: list[Measured] = []
    try:
        world.have_images(stack)
        subprocess.run(["docker", "tag", image, tagged], check=True)
        homeport = Homeport(stack, checkout, folder / stack.name)
        homeport.up()
        for item in _measured(homeport, changes(world.free_ports(1)[0], tagged)):
            measured.append(item)  # noqa: PERF402  # what was measured before an interruption is kept
    except KeyboardInterrupt:
        print("    interrupted; what was measured before is kept", file=sys.stderr)
    finally:
        inspected.sweep(stack)
        subprocess.run(["docker", "rmi", tagged], capture_output=True, check=False)
    return measured


def _measured(homeport: Homeport, planned: tuple[Change, ...]) -> Iterator[Measured]:
    stack = homeport.stack
    for change in planned:
        before = _door(stack)
        _lay(stack.settings, change.settings)
        if change.edit:
            path, text, other = change.edit
            (homeport.checkout / path).write_text((homeport.checkout / path).read_text().replace(text, other))
        homeport.configure(change.secrets)
        said = sentences(homeport.verb("preview"))
        password = homeport.verb("credentials", "--only", "n8n-owner-password").strip()
        with Visitor(list(dict.fromkeys((before, _door(stack)))), password) as visitor:
            began = time.monotonic()
            homeport.up()
            took = time.monotonic() - began
            away = visitor.away()
        print(f"    {change.what}: away for {away:.1f} s, up took {took:.1f} s", file=sys.stderr, flush=True)
        yield Measured(what=change.what, said=said, away=away, took=took)


def _door(stack: Stack) -> tuple[str, int]:
    return stack.settings.get("hostnames", {}).get("n8n", "n8n.localhost"), stack.settings["edge"]["https_port"]


def _lay(settings: dict[str, Any], over: Mapping[str, Any]) -> None:
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(settings.get(key), dict):
            _lay(settings[key], value)
        else:
            settings[key] = value


def sentences(printed: str) -> tuple[str, ...]:
    """The sentences of a preview: the indented lines below its heading."""
    _, _, tail = printed.partition("==> what changes\n")
    lines = []
    for line in tail.splitlines():
        if not line.startswith("    "):
            break
        lines.append(line.strip())
    return tuple(lines)


def report(measured: list[Measured], day: str) -> str:
    """The page."""
    rows = [["change", "away (s)", "whole up (s)", "`preview` said"]]
    rows += [
        [item.what, f"{item.away:.1f}", f"{item.took:.0f}", "; ".join(item.said).replace("|", "/") or "nothing changes"]
        for item in measured
    ]
    return (
        "# What a change takes away, and for how long\n\n"
        "Measured by `make bench ARGS=--downtime` (`bench/downtime.py`): preset ai-orchestrator on one machine's\n"
        "Docker, `/healthz` asked through the proxy every 200 ms while `homeport up` makes one change after another.\n"
        "The first time that a service is replaced, `preview` has only its start to go by; then it says what the last\n"
        f"update measured. Figures of {day}, on two cores that did other things too.\n\n"
        f"{table(rows)}\n"
    )


def main(day: str, *, write: bool) -> str:
    """One run; the page's text, kept in docs/downtime.md on request."""
    text = report(run(), day)
    if write:
        PAGE.write_text(text, encoding="utf-8")
    return text
