"""The small meshed preset, rehearsed as any other: in a copy of the checkout that knows it."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import yaml

from homeport.cli.rehearse import Rehearsal
from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.daemon import docker
from tests.support.checkout import ROOT, copied
from tests.support.edits import EDITS
from tests.support.waits import until

if TYPE_CHECKING:
    from pathlib import Path

ASKED = Rehearsal(preset="meshed", environment="prod")
SETTINGS = ROOT / "tests/cases/meshed"
PYTHON = ("sh", "homeport/cli/run.sh", "python")
KNOWN = ("the meshed preset is one of the registry's", "the meshed preset is one of the settings'")


class Meshed:
    """The rehearsal; `remove` takes all of it away."""

    def __init__(self, folder: Path) -> None:
        self.checkout = folder / "checkout"
        copied(self.checkout)
        for name in KNOWN:
            EDITS[name].apply(self.checkout)
        for argv in (("init", "--quiet"), ("add", "--all")):
            subprocess.run(["git", "-C", str(self.checkout), *argv], check=True)
        self.environment = {**os.environ, "HOMEPORT_STACK_FILES": str(SETTINGS)}

    def homeport(self, verb: str, *flags: str, seconds: float = 1200) -> subprocess.CompletedProcess[str]:
        """The operator's command, both streams in ``stdout``."""
        return self._run([*PYTHON, "-m", "homeport.cli", verb, "--preset", "meshed", *flags], seconds)

    def operator(self, verb: str, *flags: str, seconds: float = 900) -> subprocess.CompletedProcess[str]:
        """A verb on the stack as its file is now, whose settings the rehearsal's own verbs would write anew."""
        argv = [*PYTHON, "-m", "homeport.cli", verb, *flags, "--stack", ASKED.name]
        files = {"HOMEPORT_STACK_FILES": str(ASKED.checkout), "PULUMI_BACKEND_URL": (ASKED.folder / "state").as_uri()}
        return self._run(argv, seconds, more=files, cwd=ASKED.checkout)

    @property
    def settings(self) -> dict[str, Any]:
        """What the stack's file says now."""
        config = yaml.safe_load((ASKED.checkout / f"Pulumi.{ASKED.name}.yaml").read_text())["config"]
        return dict(config["homeport:settings"])

    def reached(self) -> dict[str, dict[str, str]]:
        """Host to the environment in which the last update reached it."""
        done = self.operator("pulumi", "stack", "export")
        rows = json.loads(done.stdout[done.stdout.index("{") :])["deployment"]["resources"]
        reach = [row for row in rows if row["type"] == "homeport:host:Reach"]
        return {row["urn"].rpartition("::")[2].removesuffix("-reach"): row["outputs"]["environment"] for row in reach}

    def pulumi(self, *argv: str, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """Plain Pulumi on the rehearsed stack."""
        shell = f"pulumi {' '.join(argv)}"
        command = [*PYTHON, "-m", "homeport.cli", "rehearse-shell", "--preset", "meshed"]
        return self._run(command, seconds, stdin=f"{shell}\nexit $?\n", more={"SHELL": "/bin/sh"})

    def _run(
        self,
        argv: list[str],
        seconds: float,
        stdin: str = "",
        more: dict[str, str] | None = None,
        cwd: Path | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=cwd or self.checkout,
            env={**self.environment, **(more or {})},
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=seconds,
            check=False,
        )

    @property
    def world(self) -> dict[str, Any]:
        """Where its clouds and machines are."""
        return json.loads((ASKED.folder / "world" / "world.json").read_text())

    def machines(self) -> dict[str, str]:
        """Host to the container that is it."""
        world = self.world
        named = {name: about["container"] for name, about in world["adopted"].items()}
        listed = docker("ps", "--filter", f"label=homeport.rehearsal={world['id']}", "--format", "{{.Names}}").split()
        for container in listed:
            hostname = docker("inspect", "-f", "{{.Config.Hostname}}", container)
            prefix = f"{ASKED.name}-"
            if hostname.startswith(prefix):
                named[hostname.removeprefix(prefix)] = container
        return named

    def address(self, host: str) -> str:
        """A host's public address."""
        container = self.machines()[host]
        return docker(
            "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAMConfig.IPv4Address}}{{end}}", container
        )

    def address6(self, host: str) -> str:
        """Its public IPv6 address, as the cloud gave it."""
        return self.run(host, "cat", "/etc/rehearsal/ipv6").partition("/")[0]

    def reboot(self, host: str) -> None:
        """A boot of a host that it asks for itself, until all of it runs again."""
        before = self._began(host)
        with suppress(MachineError):  # the command ends with the machine
            self.run(host, "systemctl", "reboot")
        until(lambda: self._began(host) != before, f"{host} does not boot")
        up = "for unit in docker tailscaled multi-user.target; do systemctl is-active $unit; done"
        until(lambda: self.run(host, "sh", "-ec", up), f"{host} does not get up")

    def _began(self, host: str) -> str:
        """When its first process began, proc(5): the kernel's own boot is that of this machine."""
        return self.run(host, "cut", "-d", " ", "-f", "22", "/proc/1/stat")

    def records(self) -> list[dict[str, Any]]:
        """What the zone at the emulated OVH holds now."""
        kept = json.loads((ASKED.folder / "world" / "ovh.json").read_text())
        return list(kept["tables"]["records"].values())

    def run(self, host: str, *argv: str) -> str:
        """What a command prints as root on a host."""
        return docker("exec", self.machines()[host], *argv)

    def remove(self) -> None:
        """Everything of it."""
        done = self.homeport("rehearse-down", seconds=900)
        assert done.returncode == 0, done.stdout
