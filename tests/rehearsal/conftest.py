"""The world of the `world` tests: the dev stack of this checkout, brought up once as a user would, and taken down again."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from tests.rehearsal.production import ASKED, Rehearsed

ROOT = Path(__file__).resolve().parents[2]
STACK = "dev"


def make(target: str, *arguments: str, timeout: float = 1800) -> subprocess.CompletedProcess[str]:
    """What a person types, with nobody at the terminal: `make target`, both streams in `stdout`."""
    return subprocess.run(
        ["make", "--silent", "--no-print-directory", target, *arguments], cwd=ROOT, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
        # MAKEFLAGS of the `make test` that may have started us would reach this one; its clock is not ours either.
        env={key: value for key, value in os.environ.items() if key not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL", "HOMEPORT_STARTED"}},
    )  # fmt: skip


@dataclass(frozen=True)
class World:
    """A stack that is up, as its user sees it.

    Attributes:
        said: What `make up` said; empty when the stack was up before the tests.
        seconds: How long `make up` took; 0 when the stack was up before.
    """

    said: str
    seconds: float

    @cached_property
    def environ(self) -> dict[str, str]:
        """The environment in which plain `pulumi` works: what `make env` prints, on top of ours."""
        done = subprocess.run(
            [sys.executable, "-m", "toolchain.engine", "env"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        lines = [shlex.split(line.removeprefix("export "))[0].partition("=") for line in done.stdout.splitlines()]
        return os.environ | {name: value for name, _, value in lines}

    def pulumi(self, *argv: str, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        """Runs a Pulumi command on the stack."""
        return subprocess.run(
            ["pulumi", *argv, "--stack", STACK, "--non-interactive"], cwd=ROOT, env=self.environ, text=True,
            stdin=subprocess.DEVNULL, capture_output=True, timeout=timeout, check=False,
        )  # fmt: skip

    @cached_property
    def outputs(self) -> dict:
        """The stack's outputs, the secret ones in plain: for looking for them where they must not be."""
        done = self.pulumi("stack", "output", "--json", "--show-secrets")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    @property
    def credentials(self) -> dict[str, str]:
        """Secret name to value."""
        return self.outputs["credentials"]

    @property
    def containers(self) -> dict[str, str]:
        """Service name to container name."""
        return {name: service["container"] for name, service in self.outputs["services"].items()}

    @staticmethod
    def docker(*argv: str, stdin: str | None = None, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Runs a Docker command."""
        source = {"input": stdin} if stdin is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(["docker", *argv], text=True, capture_output=True, timeout=timeout, check=False, **source)

    def inspect(self, service: str) -> dict:
        """All that Docker says of a service's container."""
        done = self.docker("inspect", "--type", "container", self.containers[service])
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)[0]


def _is_up() -> bool:
    """Whether every service of the stack runs and is healthy already; a cold cache has no engine to ask."""
    return make("status", f"STACK={STACK}", timeout=300).returncode == 0


@pytest.fixture(scope="session")
def world():
    """The dev stack, up and healthy; removed afterwards unless it was there before."""
    if _is_up():
        yield World(said="", seconds=0.0)
        return
    began = time.monotonic()
    done = make("up", f"STACK={STACK}")
    if done.returncode:
        taken = make("down", f"STACK={STACK}")
        pytest.fail(
            f"make up failed:\n{done.stdout[-6000:]}\nmake down then ended with {taken.returncode}", pytrace=False
        )
    yield World(said=done.stdout, seconds=time.monotonic() - began)
    taken = make("down", f"STACK={STACK}")
    assert taken.returncode == 0, f"make down failed:\n{taken.stdout[-6000:]}"


def _git() -> str:
    return subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="session")
def rehearsed():
    """Production, rehearsed, for all modules that look at it: what a person types, and what it left up.

    With HOMEPORT_REHEARSED=1 a rehearsal that is up already is used as it is, and left up.
    """
    if os.environ.get("HOMEPORT_REHEARSED") == "1" and (ASKED.folder / "world" / "world.json").is_file():
        yield Rehearsed()
        return
    # A run that was cut off may have left half a rehearsal.
    gone = make("rehearse-down", timeout=300)
    assert gone.returncode == 0, gone.stdout
    before = _git()
    done = make("rehearse", timeout=2400)
    yield Rehearsed(done.stdout, done.returncode, (before, _git()))
    make("rehearse-down", timeout=300)
