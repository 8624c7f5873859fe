"""A rented server to measure and test against.

It is a machine of the rehearsal, reached by a pinned key and OpenSSH's client.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import shlex
import subprocess
import tempfile
import time
from typing import TYPE_CHECKING, Any

from homeport.model.errors import ToolError
from homeport.render.ssh_options import pinned
from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.daemon import IMAGE, inspect
from rehearsal.machine.driver import Containers
from rehearsal.machine.ground import Ground

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

USER = "deploy"
SSHD = "MaxStartups 64:30:128\nMaxSessions 100\nAcceptEnv ACCEPTED PULUMI_COMMAND_STDOUT\n"
"""What the product's own sshd has (design decision 6), and variables that the tests of the command plugin send."""
_PATIENCE = 120.0


def absence() -> str:
    """Why no machine can be made here; empty when one can."""
    try:
        image = inspect("image", IMAGE)
    except MachineError as problem:
        return str(problem)
    return "" if image else f"image {IMAGE} is missing; fix: python -m toolchain.images ensure {IMAGE}"


class Rented:
    """A machine with dockerd and sshd, user `deploy`, and a host key that is known beforehand.

    The inputs and words are those of the conformance tests' `SshServer`, so that its tests run here too.

    Args:
        folder: Where the keys go.

    Raises:
        ToolError: It did not come up; what was made is removed.
    """

    PASSPHRASE = "sesame"  # noqa: S105  (of a key that lives as long as a test)
    port = 22

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # A socket's path has 108 bytes at most, and ssh adds 17 to the 40 of %C: `folder` may be too long already.
        self._sockets = tempfile.TemporaryDirectory(prefix="hp-", dir="/tmp")
        for name, passphrase in (("host", ""), ("user", ""), ("other", ""), ("locked", self.PASSPHRASE)):
            keygen = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(folder / name)]
            subprocess.run(keygen, check=True, stdin=subprocess.DEVNULL)
        self.ground = Ground("cs" + secrets.token_hex(3))
        try:
            self.ground.prepare()
            self._cloud = Containers(self.ground)
            self.address = self._cloud.ipv4(set())
            public = {"ipv4": {"ip": self.address}, "ipv6": None}
            self._server: dict[str, Any] = {"id": 1, "name": "rented", "public_net": public}
            self.container = self._cloud.name(self._server)
            self._cloud.create(self._server, self._user_data(), [])
            self._await()
            # No registry can be reached from here: better told at once than after twenty seconds.
            self.shell("echo nameserver 127.0.0.1 >/etc/resolv.conf")
        except BaseException:
            self.remove()
            raise

    def _user_data(self) -> str:
        keys = [self.text(f"{name}.pub").strip() for name in ("user", "locked")]
        user = {"name": USER, "groups": "docker", "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL"}
        wanted = {
            "ssh_deletekeys": True,
            "ssh_keys": {"ed25519_private": self.text("host"), "ed25519_public": self.text("host.pub")},
            "users": [{**user, "ssh_authorized_keys": keys}],
            "write_files": [{"path": "/etc/ssh/sshd_config.d/00-test.conf", "content": SSHD}],
            "runcmd": [["systemctl", "restart", "ssh"]],
        }
        return "#cloud-config\n" + json.dumps(wanted)

    def text(self, name: str) -> str:
        """A file of the folder: `host`, `user`, `other` and their `.pub`."""
        return (self.folder / name).read_text()

    def options(self, *more: str, key: str = "host", address: str = "", port: int = 22) -> list[str]:
        """Values of `ssh -o` as the product has them; `key` names the pinned one."""
        public = " ".join(self.text(f"{key}.pub").split()[:2])
        ours = [f"IdentityFile={self.folder}/user", "IdentitiesOnly=yes", "IdentityAgent=none", *more]
        # The first of a kind wins.
        return [*ours, *pinned(address or self.address, port, public)]

    def multiplexed(self, name: str = "cm") -> tuple[str, ...]:
        """Options of one connection for all sessions."""
        return ("ControlMaster=auto", f"ControlPath={self._sockets.name}/{name}-%C", "ControlPersist=60")

    def provider(self, *more: str, address: str = "", port: int = 22, key: str = "host") -> dict[str, Any]:
        """Settings of a docker provider for it."""
        options = self.options(*more, key=key, address=address, port=port)
        return {
            "host": f"ssh://{USER}@{address or self.address}:{port}",
            "sshOpts": [word for option in options for word in ("-o", option)],
        }

    def connection(self, **changes: object) -> dict[str, Any]:
        """Inputs of a connection of the command plugin."""
        settings = {
            "host": self.address,
            "port": self.port,
            "user": USER,
            "privateKey": self.text("user"),
            "hostKey": self.text("host.pub"),
            "dialErrorLimit": 2,
            "perDialTimeout": 5,
            **changes,
        }
        return {name: value for name, value in settings.items() if value is not None}

    def hang_up(self, options: Sequence[str], address: str = "", port: int = 22) -> None:
        """Ends a shared connection that was opened by these options, if there is one."""
        words = [word for option in self.options(*options, address=address, port=port) for word in ("-o", option)]
        argv = ["ssh", *words, "-p", str(port), "-O", "exit", f"{USER}@{address or self.address}"]
        subprocess.run(argv, capture_output=True, check=False, timeout=30)

    def inside(
        self, command: str, data: bytes | None = None, timeout: float = 120
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a shell command in the machine as root, past SSH."""
        argv = ["docker", "exec", "--interactive", self.container, "sh", "-c", command]
        return subprocess.run(argv, input=data, capture_output=True, check=False, timeout=timeout)

    def docker(self, *arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Runs docker's own command in the machine."""
        return self.inside(shlex.join(["docker", *arguments]), data)

    def shell(self, command: str) -> None:
        """The same for a step that must go well.

        Raises:
            ToolError: It did not.
        """
        done = self.inside(command)
        if done.returncode:
            raise ToolError(f"in the machine {self.container}: {command}: {done.stderr.decode()}")

    def _await(self) -> None:
        ready = "test -e /run/cloud-init/result.json && docker version >/dev/null && ss -ltn | grep -q ':22 '"
        deadline = time.monotonic() + _PATIENCE
        while (answer := self.inside(ready)).returncode:
            if time.monotonic() > deadline:
                raise ToolError(
                    f"machine {self.container} did not come up in {_PATIENCE:.0f} s: {answer.stderr.decode()}"
                )
            time.sleep(0.3)

    def reboot(self) -> None:
        """Power off without a word, and on again: no connection is told."""
        self._cloud.power(self._server, "reset")

    def remove(self) -> None:
        """Removes it and its network."""
        self._sockets.cleanup()
        with contextlib.suppress(MachineError):
            self.ground.down()
