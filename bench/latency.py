"""`python -m bench.latency`: what distance to the host costs, and what a shared SSH connection gives back.

Containers are brought up by the real engine on a rented server of the rehearsal, through a relay in front of its sshd:
once with no delay, once with 20 ms in each direction, each with a login for every connection and with one shared by
ControlMaster.
"""

from __future__ import annotations

import argparse
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.contestant import environment
from bench.latency_report import FAR, NEAR, OPERATIONS, PAGE, Reached, report, written
from bench.relay import Relay
from bench.rented import Rented, absence
from bench.tools import alone, cache
from bench.world import ROOT
from homeport.model.errors import HomeportError, ToolError

if TYPE_CHECKING:
    from collections.abc import Mapping

IMAGE = "homeport/base:bookworm"
DELAY = 0.020
_PATIENCE = 600


@dataclass
class Variant:
    """One way to the host: its relay, whether its connection is shared, and a stack of its own."""

    label: str
    machine: Rented
    relay: Relay
    shared: bool
    folder: Path
    environ: Mapping[str, str]
    containers: int

    def change(self, number: int) -> None:
        """Gives the first container another variable; all others stay as they are."""
        (self.folder / "round").write_text(str(number))

    def prepare(self) -> None:
        """Writes project and stack."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / "bench" / "latency_program.py", self.folder / "__main__.py")
        # JSON is YAML.
        (self.folder / "Pulumi.yaml").write_text(json.dumps({"name": f"latency-{self._name}", "runtime": "python"}))
        far = self.machine.provider(*self._options(), address="127.0.0.1", port=self.relay.port)
        values: dict[str, Any] = {
            "host": far["host"],
            "ssh-opts": json.dumps(far["sshOpts"]),
            "containers": self.containers,
            "prefix": self._name,
            "image": IMAGE,
        }
        config = {f"latency:{key}": value for key, value in values.items()}
        (self.folder / "Pulumi.bench.yaml").write_text(json.dumps({"config": config}))

    @property
    def _name(self) -> str:
        return self.label.replace(" ", "-").replace(",", "")

    def _options(self) -> tuple[str, ...]:
        return self.machine.multiplexed("bench") if self.shared else ()

    def hang_up(self) -> None:
        """Ends the shared connection: each round begins without one."""
        if self.shared:
            self.machine.hang_up(self._options(), address="127.0.0.1", port=self.relay.port)

    def pulumi(self, *argv: str) -> None:
        """Runs the CLI to its end.

        Raises:
            ToolError: It failed.
        """
        done = subprocess.run(
            ["pulumi", *argv, "--stack", "bench", "--non-interactive"],
            cwd=self.folder,
            env=dict(self.environ),
            text=True,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
        if done.returncode:
            tail = "\n    ".join((done.stdout + done.stderr).strip().splitlines()[-15:])
            raise ToolError(f"bench, {self.label}: pulumi {argv[0]}:\n    {tail}\n  fix: run it again")

    def act(self, operation: str) -> None:
        """Does one operation."""
        line = {
            "up": ("up", "--yes", "--skip-preview"),
            "refresh": ("refresh", "--yes", "--skip-preview"),
            "no-op preview": ("preview", "--expect-no-changes"),
            "one container": ("up", "--yes", "--skip-preview"),
            "destroy": ("destroy", "--yes", "--skip-preview"),
        }
        self.pulumi(*line[operation])


def measure(rounds: int, containers: int) -> list[Reached]:
    """All figures; removes what it made, however it ends.

    Raises:
        ToolError: Something cannot be had here, or failed.
    """
    if absence():
        raise ToolError(f"bench: {absence()}")
    if subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", IMAGE], cwd=ROOT, check=False).returncode:
        raise ToolError("bench: an image is missing, for the reason above\n  fix: make images")
    place = cache() / "bench"
    place.mkdir(parents=True, exist_ok=True)
    # Short: it holds the sockets of shared connections, whose paths have 108 bytes at most.
    folder = Path(tempfile.mkdtemp(prefix="l", dir=place))
    try:
        return _measured(folder, rounds, containers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _measured(folder: Path, rounds: int, containers: int) -> list[Reached]:
    machine = Rented(folder)
    near, far = Relay(machine.address, 22), Relay(machine.address, 22, DELAY)
    environ = _environ(folder)
    samples: list[Reached] = []
    variants = [
        Variant(f"{where}, {how}", machine, relay, how == "shared", folder / f"{where}-{how}", environ, containers)
        for where, relay in ((NEAR, near), (FAR, far))
        for how in ("plain", "shared")
    ]
    try:
        _load(machine)
        for variant in variants:
            variant.prepare()
            variant.change(0)
            variant.pulumi("stack", "init")
        variants[0].pulumi("preview")  # what is compiled once on any machine that is in use
        for number in range(rounds):
            samples += _round(variants[number % 4 :] + variants[: number % 4], number)
    finally:
        for variant in variants:
            variant.hang_up()
        near.close()
        far.close()
        machine.remove()
    return samples


def _round(variants: list[Variant], number: int) -> list[Reached]:
    samples = []
    for operation in OPERATIONS:
        for variant in variants:
            if operation == "one container":
                variant.change(number + 1)
            opened, began = variant.relay.opened, time.perf_counter()
            variant.act(operation)
            seconds = time.perf_counter() - began
            print(f"    round {number + 1}, {operation}, {variant.label}: {seconds:.2f} s", file=sys.stderr, flush=True)
            logins = variant.relay.opened - opened
            samples.append(Reached(number, operation, variant.label, seconds, connections=logins))
    for variant in variants:
        variant.hang_up()
    return samples


def _load(machine: Rented) -> None:
    """Gives the machine's own dockerd the image."""
    saved = subprocess.run(["docker", "save", IMAGE], capture_output=True, check=False)
    loaded = machine.docker("load", data=saved.stdout) if saved.returncode == 0 else saved
    if loaded.returncode:
        raise ToolError(f"bench: {IMAGE} did not get into the machine: {loaded.stderr.decode()}")


def _environ(folder: Path) -> dict[str, str]:
    state = folder / "state"
    state.mkdir()
    plain = environment() | {"PULUMI_BACKEND_URL": f"file://{state}", "PULUMI_CONFIG_PASSPHRASE": "not a secret"}
    argv = [sys.executable, "-m", "toolchain.engine"]
    for command in ("ensure", "env"):
        printed = subprocess.run([*argv, command], cwd=ROOT, env=plain, capture_output=True, text=True, check=False)
        if printed.returncode:
            raise ToolError(f"bench: the engine: {printed.stderr.strip()}")
    lines = [line for line in printed.stdout.splitlines() if line.startswith("export ")]
    words = (shlex.split(line.removeprefix("export "))[0].partition("=") for line in lines)
    return plain | {name: value for name, _, value in words}


def main(argv: list[str] | None = None) -> int:
    """One run; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.latency", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--containers", type=int, default=20, help="how many light containers (20)")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/benchmark.md")
    asked = parser.parse_args(argv)
    before = os.getloadavg()[0]
    try:
        with alone():
            samples = measure(asked.rounds, asked.containers)
    except HomeportError as error:
        print(f"homeport: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("homeport: interrupted; what was measured is gone, what was made is removed", file=sys.stderr)
        return 130
    text = report(samples, asked.containers, (before, os.getloadavg()[0]))
    print(text, end="")
    if asked.write:
        PAGE.write_text(written(PAGE.read_text(), text, datetime.now(UTC).date().isoformat()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
