"""A small stack of its own: a copy of the checkout, a state of its own, and names behind a namespace.

It sees what a user sees: the CLI's output, Docker, and files. It is removed by its own handles.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import secrets
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Self

import yaml

from tests.support import subnets
from tests.support.checkout import copied

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FIRST_PORT, _PORTS = 20_000, 12_000
_TURN = itertools.count(secrets.randbelow(_PORTS))
_NAMES: list[socket.socket] = []
LIGHT = {"ai-n8n": {"enabled": False}, "ai-caddy": {"enabled": False}}
"""Without n8n and its proxy: PostgreSQL, Redis and the executor start in seconds."""


class Scratch:
    """One stack in a folder of its own."""

    def __init__(
        self, folder: Path, *, services: dict | None = None, preset: str = "ai-orchestrator", **settings: object
    ) -> None:
        self.preset = preset
        self.name = "t" + secrets.token_hex(3)
        self.folder = folder / "checkout"
        copied(self.folder)
        block = subnets.block("10.231")
        self.settings: dict = {
            "environment": "dev",
            "domain": "localhost",
            "exposure": "local",
            "namespace": self.name,
            "hosts": {"main": {"mode": "local"}},
            "networks": {"ai-edge": f"{block}.0/26", "ai-data": f"{block}.64/26"},
            "services": LIGHT if services is None else services,
            **settings,
        }
        self.environment = {
            **os.environ,
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "correct horse battery staple",
        }
        (folder / "state").mkdir()
        self.state = folder / "state"
        self.configure()
        done = self.pulumi("stack", "init", self.name)
        assert done.returncode == 0, done.stderr

    def configure(self, **settings: object) -> None:
        """Writes the stack's file; what is given replaces single keys of the settings."""
        self.settings |= settings
        path = self.folder / f"Pulumi.{self.name}.yaml"
        kept = yaml.safe_load(path.read_text()) if path.exists() else {}
        kept = kept or {}
        config = {**kept.get("config", {}), "homeport:preset": self.preset, "homeport:settings": self.settings}
        path.write_text(yaml.safe_dump({**kept, "config": config}))

    def command(self, *argv: str) -> list[str]:
        """The command line for ``pulumi`` in the environment that homeport would give it."""
        return [sys.executable, "-m", "toolchain.engine", "exec", "--", "pulumi", "--non-interactive", *argv]

    def pulumi(self, *argv: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """Runs the CLI to its end."""
        stack = () if argv[:2] == ("stack", "init") else ("--stack", self.name)
        return subprocess.run(
            self.command(*argv, *stack),
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def homeport(self, *argv: str, timeout: float = 900) -> subprocess.CompletedProcess[str]:
        """Runs the operator's command with nobody at the terminal; both streams in ``stdout``."""
        return subprocess.run(
            [sys.executable, "-m", "homeport.cli", *argv, "--stack", self.name],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        """``pulumi up``, as the user's script would."""
        return self.pulumi("up", "--yes", "--skip-preview")

    @contextlib.contextmanager
    def running(self) -> Iterator[Self]:
        """Brought up for as long as it is looked at, and removed then."""
        try:
            done = self.up()
            assert done.returncode == 0, done.stdout + done.stderr
            yield self
        finally:
            self.remove()

    def objects(self, kind: str) -> list[str]:
        """Names of Docker's containers, networks or volumes that carry this stack's label."""
        name = "{{.Names}}" if kind == "container" else "{{.Name}}"
        verb = ["ps", "-a"] if kind == "container" else [kind, "ls"]
        return docker(*verb, "--filter", f"label=homeport.stack={self.name}", "--format", name).split()

    def outputs(self) -> dict:
        """The stack's outputs, secrets in plain."""
        return json.loads(self.pulumi("stack", "output", "--json", "--show-secrets").stdout)

    def exported(self) -> dict:
        """The state as the CLI exports it."""
        return json.loads(self.pulumi("stack", "export").stdout)

    def remove(self) -> None:
        """Removes what carries its label, without a word to the containers: the state goes with the test's folder."""
        for kind, remove in (
            ("container", ["rm", "-fv"]),
            ("volume", ["volume", "rm"]),
            ("network", ["network", "rm"]),
        ):
            for name in self.objects(kind):
                docker(*remove, name)


def free_port() -> int:
    """A port of the loopback address that nobody has, and that is this process's until it ends.

    One that the kernel has just found free it may give to the next client or container before it is used: it is taken
    out of those below the kernel's own (ip_local_port_range), and no other run of tests on this machine takes it too.
    """
    for turn in itertools.islice(_TURN, _PORTS):
        port = _FIRST_PORT + turn % _PORTS
        name = socket.socket(socket.AF_UNIX)
        try:
            # One process has a name at a time, and it goes with its process (unix(7), abstract).
            name.bind(f"\0homeport-port-{port}")
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            continue
        _NAMES.append(name)
        return port
    raise AssertionError(f"none of {_PORTS} ports is free")


def docker(*argv: str, stdin: str | None = None) -> str:
    """Output of the ``docker`` command; its failure is the test's."""
    done = subprocess.run(["docker", *argv], capture_output=True, text=True, check=False, input=stdin, timeout=600)
    assert done.returncode == 0, f"docker {' '.join(argv)}: {done.stderr}"
    return done.stdout


def inspect(container: str) -> dict:
    """What Docker says of a container."""
    return json.loads(docker("inspect", container))[0]
