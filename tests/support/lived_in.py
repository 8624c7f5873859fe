"""A machine that somebody lives on, adopted by a stack of its own with the real program."""

from __future__ import annotations

import contextlib
import secrets
import subprocess
import sys
from typing import TYPE_CHECKING

from catalog.presets.ai_orchestrator.services import POSTGRES
from components.connection import private_key, public_key
from homeport.cli.stack import read
from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.driver import Containers
from rehearsal.machine.ground import Ground
from rehearsal.machine.shelf import Shelf
from tests.support.checkout import ROOT
from tests.support.host import seed
from tests.support.scratch import LIGHT, Scratch, docker
from toolchain.images.ensure import ensure

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "redis:7-alpine"
SERVICES = {
    "ai-executor": {"enabled": False},
    # By tags whose digests nobody knows: a machine's Docker is given its images by name, and reaches no registry.
    "ai-postgres": {"image": "homeport/pgvector:pg16-here"},
    "ai-redis": {"image": IMAGE},
}
_SECONDS = 150


class LivedIn:
    """The machine, and the stack.

    Attributes:
        stack: The stack, in a folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ground = Ground("ad" + secrets.token_hex(3))
        try:
            self.stack = Scratch(folder, services=LIGHT | SERVICES)
            self._boot()
        except BaseException:
            self.remove()
            raise

    def _boot(self) -> None:
        images = read(self.stack.name, self.stack.folder).images()
        # The catalog's own under a name of the test: a stub may stand in for other tags of its repository here.
        ensure([POSTGRES.image])
        docker("tag", POSTGRES.image, SERVICES["ai-postgres"]["image"])
        ensure([*images, IMAGE])
        self.ground.prepare()
        shelf = Shelf([*images, IMAGE])
        shelf.fill()
        cloud = Containers(self.ground, shelf)
        address = cloud.ipv4(set())
        server = {"id": 1, "name": "web", "public_net": {"ipv4": {"ip": address}, "ipv6": None}}
        self.container = cloud.name(server)
        identity = self.folder / "identity"
        identity.touch(mode=0o600)
        identity.write_text(private_key(seed("operator")))
        cloud.create(server, "#cloud-config\ndisable_root: false\n", [public_key(seed("operator"))])
        assert cloud.wait(server), "the machine did not boot"
        self.inside(
            "cloud-init status --wait >/dev/null || true; until docker version >/dev/null 2>&1; do sleep 0.2; done"
        )
        key = " ".join(self.inside("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        self.host = {"mode": "adopt", "address": address, "user": "root", "host_key": key}
        self.stack.configure(
            domain="example.com",
            exposure="vpn",
            wireguard={"peers": {"laptop": {"slot": 7}}},
            hosts={"main": self.host},
        )
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
        script = (ROOT / "rehearsal/machine/lived_in.sh").read_text()
        self.inside(script, IMAGE, f"{self.stack.name}-ai-redis-redis")

    def inside(self, script: str, *arguments: str) -> str:
        """What a shell prints as root on the machine, past its sshd."""
        argv = ["docker", "exec", "-i", self.container, "sh", "-eus", *(["--", *arguments] if arguments else [])]
        done = subprocess.run(argv, input=script, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0, f"{script[:80]}: {done.stderr}"
        return done.stdout

    def inventory(self) -> set[str]:
        """All that is there."""
        return {*self.inside((ROOT / "tests/support/inventory.sh").read_text()).splitlines()}

    def laid(self) -> list[str]:
        """The paths that homeport has in its hands there, as it notes them itself."""
        script = "cat /var/lib/homeport/units/*/list | cut -d' ' -f4-; cat /var/lib/homeport/units/*/also"
        return self.inside(script).splitlines()

    def homeport(self, verb: str, *flags: str) -> tuple[int, str]:
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
                timeout=_SECONDS,
                check=False,
            )
        return done.returncode, path.read_text()

    def remove(self) -> None:
        with contextlib.suppress(MachineError):
            self.ground.down()
