"""What a preview of production costs beside that of a program that does nothing.

And what the program alone takes of it. The stack is jett in prod on a rented server behind a tunnel, previewed for the
first time: every provider is in use, and no cloud is asked.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bench.contestant import environment
from bench.figures import Sample
from homeport.model.errors import ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PREVIEW = "preview of production"
PRODUCTION, EMPTY = "jett in prod", "an empty program"
MOST = 3.0
"""How many times as long as that of an empty program the preview of production may take."""
_STACK = "hbprod"
_TOMORROW = datetime.now(UTC).date() + timedelta(days=1)
_SETTINGS = {
    "environment": "prod",
    "domain": "example.com",
    "exposure": "tunnel",
    "hosts": {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}},
    "cloudflare": {"account_id": "a" * 32, "zone_id": "b" * 32, "team": "example"},
    "access": {"emails": ["admin@example.com"]},
    "waivers": {"placeholders": {"reason": "previewed alone, and never made", "expires": str(_TOMORROW)}},
}
CONFIGURATION: Mapping[str, str] = {
    "homeport:preset": "jett",
    "homeport:settings": json.dumps(_SETTINGS),
    # Nobody answers there, and a preview asks nobody; example.com is refused elsewhere.
    "hcloud:endpoint": "http://127.0.0.1:9/v1",
    "cloudflare:baseUrl": "http://127.0.0.1:9/client/v4",
}
_TOKEN = hashlib.sha256(b"nobody's token").hexdigest()
SECRETS: Mapping[str, str] = {"homeport:hcloud-token": _TOKEN, "homeport:cloudflare-api-token": _TOKEN[:40]}
"""Of the right shape, and nobody's."""


class Previews:
    """Two projects, previewed in turn."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self._empty = folder / "empty"
        state = folder / "state"
        for place in (self._empty, state):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
        (self._empty / "Pulumi.yaml").write_text("name: empty\nruntime: python\n")
        (self._empty / "__main__.py").write_text("import pulumi\n")
        self._checkout = checkout
        (checkout / f"Pulumi.{_STACK}.yaml").write_text(
            json.dumps({"config": {key: _plain(key) for key in CONFIGURATION}})
        )
        plain = environment() | {"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_CONFIG_PASSPHRASE": "not a secret"}
        lines = _run([sys.executable, "-m", "toolchain.engine", "env"], checkout, plain).splitlines()
        words = (
            shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines if line.startswith("export ")
        )
        self._environ = plain | {name: value for name, _, value in words}
        for project in (checkout, self._empty):
            _run(["pulumi", "stack", "init", _STACK, "--non-interactive"], project, self._environ)
        for name, value in SECRETS.items():
            argv = ["pulumi", "config", "set", "--secret", name, value, "--stack", _STACK, "--non-interactive"]
            _run(argv, checkout, self._environ)
        self._preview(checkout)
        self._preview(self._empty)

    def measure(self, number: int) -> list[Sample]:
        """One preview of each, in a turn that changes with the round."""
        projects = [(PRODUCTION, self._checkout), (EMPTY, self._empty)]
        samples = []
        for label, project in projects if number % 2 else reversed(projects):
            began = time.perf_counter()
            self._preview(project)
            samples.append(Sample(number, PREVIEW, label, time.perf_counter() - began))
        return samples

    def _preview(self, project: Path) -> None:
        _run(["pulumi", "preview", "--stack", _STACK, "--non-interactive"], project, self._environ)


def _plain(key: str) -> object:
    value = CONFIGURATION[key]
    return json.loads(value) if value.startswith("{") else value


def _run(argv: list[str], folder: Path, environ: Mapping[str, str]) -> str:
    done = subprocess.run(
        argv, cwd=folder, env=dict(environ), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ToolError(f"bench, {' '.join(argv[:3])}: {(done.stdout + done.stderr).strip()[-2000:]}")
    return done.stdout
