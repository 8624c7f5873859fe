"""One report on a host after a deployment: containers, systemd units, health endpoints."""

from __future__ import annotations

import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from deploy_engine import Engine, Record

URLS: Final = (
    "http://127.0.0.1:8080/health",
    "http://127.0.0.1:9000/health",
    "http://127.0.0.1:3000/api/platform/profile",
)
UNITS: Final = ("host-agent.service", "actions.runner.*")
_OK: Final = 200
_SECONDS: Final = 5


@dataclass(frozen=True)
class Result:
    """One line of the report.

    Attributes:
        kind: ``container``, ``unit`` or ``health``.
        name: What was looked at.
        ok: Whether it is as it should be.
        state: What it is.
        fix: What to type to see more.
    """

    kind: str
    name: str
    ok: bool
    state: str
    fix: str = ""

    def line(self) -> str:
        """As a person reads it."""
        return f"{'ok  ' if self.ok else 'FAIL'}  {self.kind:<9}  {self.name}: {self.state}"


def containers(engine: Engine) -> Iterator[Result]:
    """All containers of the host's stacks: those that should run do, and are healthy where they have a check."""
    rows: list[Record] = engine.call("GET", "/containers/json", all="true", filters='{"label":["homeport.stack"]}')
    for row in sorted(rows, key=lambda row: str(row["Names"])):
        name, labels = row["Names"][0].removeprefix("/"), row.get("Labels") or {}
        if "homeport.template" in labels or "homeport.carrier" in labels:
            continue
        ok = row["State"] == "running" and "unhealthy" not in row["Status"]
        yield Result("container", name, ok, row["Status"], f"docker logs --tail 50 {name}")


def units(patterns: Iterable[str]) -> Iterator[Result]:
    """The units of systemd of each name; a name that no unit has fails."""
    for pattern in patterns:
        listed = _said("systemctl", "list-units", "--all", "--plain", "--no-legend", "--type=service", pattern)
        names = [line.split()[0] for line in listed.splitlines() if line.split()[1:2] != ["not-found"]]
        if not names:
            yield Result("unit", pattern, ok=False, state="there is none", fix=f"systemctl status '{pattern}'")
        for name in names:
            state = _said("systemctl", "is-active", name).strip()
            yield Result("unit", name, state == "active", state, f"journalctl -u {name} -n 50")


def health(urls: Iterable[str], patience: int) -> Iterator[Result]:
    """Each address answers 200 within so many seconds, a redirect being no such answer."""
    end = time.monotonic() + patience
    for url in urls:
        state = _status(url)
        while state != str(_OK) and time.monotonic() < end:
            time.sleep(0.5)
            state = _status(url)
        yield Result("health", url, state == str(_OK), state, f"curl -i {url}")


class _Straight(urllib.request.HTTPRedirectHandler):
    """Follows nothing."""

    def redirect_request(self, *_arguments: object) -> None:
        """No other request."""


def _status(url: str) -> str:
    try:
        # No proxy of the environment: these are this host's own.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _Straight())
        with opener.open(url, timeout=_SECONDS) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as problem:
        return str(problem.code)
    except OSError as problem:
        return f"no answer ({getattr(problem, 'reason', problem)})"


def _said(*argv: str) -> str:
    try:
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        return ""
