"""A machine that a small stack of its own takes over by SSH, with the real program and the real engine."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

from components.connection import private_key, public_key
from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.daemon import IMAGE
from rehearsal.machine.driver import Containers
from rehearsal.machine.ground import Ground
from rehearsal.machine.packages import Packages
from rehearsal.machine.shelf import Shelf
from tests.support.host import seed
from toolchain.images.ensure import ensure

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.scratch import Scratch


class Adopted:
    """The machine, and the stack, whose settings name it as an adopted host once it has booted.

    Args:
        folder: For its keys.
        stack: The stack.
        images: What the machine's Docker shall have: it reaches no registry.
        system: What it is made of; empty: the image with everything installed. A bare one finds package mirrors.
    """

    def __init__(self, folder: Path, stack: Scratch, images: list[str], system: str = "") -> None:
        self.folder, self.stack = folder, stack
        self.packages: Packages | None = None
        self.ground = Ground("ad" + secrets.token_hex(3))
        try:
            self._boot(images, system)
        except BaseException:
            self.remove()
            raise

    def _boot(self, images: list[str], system: str) -> None:
        ensure([IMAGE, *images, *([system] if system else [])])
        self.ground.prepare()
        if system:
            self.packages = Packages(self.ground.gateway).start()
        shelf = Shelf(images)
        shelf.fill()
        self._cloud = Containers(self.ground, shelf, systems={"asked": system} if system else {})
        address = self._cloud.ipv4(set())
        self._server = {
            "id": 1,
            "name": "web",
            "image": {"name": "asked"},
            "public_net": {"ipv4": {"ip": address}, "ipv6": None},
        }
        self.container = self._cloud.name(self._server)
        identity = self.folder / "identity"
        identity.touch(mode=0o600)
        identity.write_text(private_key(seed("operator")))
        self._cloud.create(self._server, "#cloud-config\ndisable_root: false\n", [public_key(seed("operator"))])
        self.booted()
        self.inside("cloud-init status --wait >/dev/null || true")
        key = " ".join(self.inside("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        self.host = {"mode": "adopt", "address": address, "user": "root", "host_key": key}
        self.stack.configure(hosts={"main": self.host})
        argv = self.stack.command("config", "set", "--secret", "homeport:ssh-private-key", "--stack", self.stack.name)
        done = subprocess.run(
            argv,
            cwd=self.stack.folder,
            env=self.stack.environment,
            input=identity.read_text(),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def booted(self) -> None:
        """Waits until the machine has booted."""
        assert self._cloud.wait(self._server), "the machine did not boot"

    def reboot(self) -> None:
        """Down in order and up again; what was in its memory is gone."""
        self._cloud.power(self._server, "reboot")
        self.booted()

    def inside(self, script: str, *arguments: str, check: bool = True) -> str:
        """What a shell prints as root on the machine, past its sshd."""
        argv = ["docker", "exec", "-i", self.container, "sh", "-eus", *(["--", *arguments] if arguments else [])]
        done = subprocess.run(argv, input=script, capture_output=True, text=True, check=False, timeout=600)
        assert done.returncode == 0 or not check, f"{script[:80]}: {done.stderr}"
        return done.stdout

    def homeport(self, verb: str, *flags: str, seconds: float = 900) -> tuple[int, str]:
        """The operator's command, in the stack's own checkout: its exit code, and all that it said."""
        # Into a file: ssh's shared connection outlives the command, and would hold a pipe open.
        path = self.folder / "said"
        with path.open("w") as said:
            done = subprocess.run(
                [sys.executable, "-m", "homeport.cli", verb, "--stack", self.stack.name, *flags],
                cwd=self.stack.folder,
                env=self.stack.environment,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                timeout=seconds,
                check=False,
            )
        return done.returncode, path.read_text()

    def remove(self) -> None:
        """The machine with all that is on it; the state goes with the test's folder."""
        if self.packages is not None:
            self.packages.close()
        with contextlib.suppress(MachineError):
            self.ground.down()
