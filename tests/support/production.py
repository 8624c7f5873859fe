"""A rehearsal that is up, and changed as its user would change it: jett's in production, which several modules look at.

Another preset's where a test says so.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import yaml

from homeport.cli import rehearse
from homeport.cli.expectations import described
from rehearsal.claims.expected import expected
from rehearsal.claims.view import rehearsed
from rehearsal.machine.daemon import docker, labelled
from rehearsal.machine.ground import Ground

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rehearsal.claims.view import View

ASKED = rehearse.Rehearsal(preset="jett", environment="prod")
UPDATE = ("up", "--yes", "--skip-preview", "--suppress-permalink=true", "--suppress-outputs", "--non-interactive")


@dataclass
class Rehearsed:
    """The rehearsal that `make rehearse` left up.

    Attributes:
        said: What it said.
        code: How it ended.
        dirty: What git said of the checkout before and after.
        told: What every Pulumi command of the tests has said since, both streams.
        asked: What was rehearsed.
    """

    said: str = ""
    code: int = 0
    dirty: tuple[str, str] = ("", "")
    told: list[str] = field(default_factory=list)
    asked: rehearse.Rehearsal = ASKED

    @property
    def world(self) -> dict:
        """Where its clouds are; read anew, for they may have been started again."""
        return json.loads((self.asked.folder / "world" / "world.json").read_text())

    @cached_property
    def engine(self):
        """Pulumi, as `make rehearse-shell` gives it."""
        return rehearse.prepared(self.asked, self.world)

    @property
    def outputs(self) -> dict:
        """The stack's outputs as they are now, secret ones in plain."""
        return self.engine.outputs(secrets=True)

    def claims(self) -> dict[str, dict]:
        """The report of the claims, by name."""
        found = json.loads((self.asked.folder / "claims.json").read_text())
        return {one["name"]: one for one in found["claims"]}

    def hetzner(self, method: str, path: str) -> dict:
        """One call of the emulated API, past the program."""
        cloud = self.world["hcloud"]
        headers = {"Authorization": f"Bearer {cloud['token']}"}
        request = urllib.request.Request(f"{cloud['endpoint']}/{path}", headers=headers, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            text = answer.read()
        return json.loads(text) if text else {}

    def pulumi(self, *argv: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """A Pulumi command on the stack, both streams in `stdout`."""
        engine = self.engine
        environ = {**engine.environ, "PULUMI_DEBUG_COMMANDS": "true"}  # without it there is no --event-log
        done = subprocess.run(
            ["pulumi", *argv, "--stack", engine.stack.name],
            cwd=engine.root,
            env=environ,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
        )
        self.told.append(done.stdout)
        return done

    def up(self, *more: str) -> subprocess.CompletedProcess[str]:
        """An update."""
        return self.pulumi(*UPDATE, *more)

    def updated(self) -> float:
        """An update that must pass; seconds that it took."""
        began = time.monotonic()
        done = self.up()
        assert done.returncode == 0, done.stdout[-4000:]
        return time.monotonic() - began

    def settle(self, change: Callable[[dict], None]) -> None:
        """Changes the settings in the stack's file."""
        path = self.asked.checkout / f"Pulumi.{self.asked.name}.yaml"
        said = yaml.safe_load(path.read_text())
        change(said["config"]["homeport:settings"])
        path.write_text(yaml.safe_dump(said))

    @contextmanager
    def as_it_was(self) -> Iterator[None]:
        """Settings and checkout are as they were afterwards, and the stack with them."""
        root = self.engine.root  # asked for first: it copies the checkout and writes the settings
        path = root / f"Pulumi.{self.asked.name}.yaml"
        before = path.read_text()
        try:
            yield
        finally:
            path.write_text(before)
            rehearse.prepared(self.asked, self.world)  # copies the checkout anew
            self.updated()

    def outage(self) -> None:
        """As by a power cut of this computer.

        The clouds' process and every machine have ended, and the kernel's filter is empty.
        """
        world = self.world
        os.kill(world["process"], signal.SIGKILL)
        for machine in labelled("container", world["id"]):
            docker("kill", machine, refused=("is not running",))
        Ground.unfilter(world["id"])

    @contextmanager
    def seen(self, host: str = "") -> Iterator[View]:
        """Outside, VPN, edge and host, as the claims see them; which host, where there are several."""
        path = self.engine.root / f"Pulumi.{self.asked.name}.yaml"
        settings = yaml.safe_load(path.read_text())["config"]["homeport:settings"]
        plan = self.asked.stack(settings).plan
        system = expected(self.asked.preset, described(plan), host, environment=self.asked.environment)
        with rehearsed(system, self.world, self.outputs, host) as view:
            yield view
