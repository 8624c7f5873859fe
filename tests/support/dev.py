"""The dev stack of this checkout, as its user sees it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property

from tests.support.checkout import ROOT

STACK = "dev"
SERVICES = ("ai-caddy", "ai-executor", "ai-n8n", "ai-postgres", "ai-redis")


@dataclass(frozen=True)
class DevStack:
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
            ["pulumi", *argv, "--stack", STACK, "--non-interactive"],
            cwd=ROOT,
            env=self.environ,
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout,
            check=False,
        )

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
