"""A rented server of a test's own, reached over SSH as the product reaches one: by a pinned key and OpenSSH's client."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shlex
import subprocess
import time
from typing import TYPE_CHECKING

from components.handle import pinned
from rehearsal.hetzner.machines import MachineError
from rehearsal.machine.daemon import IMAGE, inspect
from rehearsal.machine.driver import Containers
from rehearsal.machine.ground import Ground

if TYPE_CHECKING:
    from pathlib import Path

USER = "deploy"
ALL = os.environ.get("HOMEPORT_CONFORM_SSH") == "all"
"""Whether everything is tried over SSH too: recordings that mostly wait for health, 20 cuts (reliability E-05), two minutes in all."""
STORM = "MaxStartups 64:30:128\nMaxSessions 100\nAcceptEnv ACCEPTED PULUMI_COMMAND_STDOUT\n"
"""What the product's own sshd has (design decision 6)."""
_PATIENCE = 90.0


def absence() -> str:
    """Why no machine can be made here; empty when one can."""
    try:
        image = inspect("image", IMAGE)
    except MachineError as problem:
        return str(problem)
    return "" if image else f"image {IMAGE} is missing: python -m rehearsal.images ensure {IMAGE}"


class SshMachine:  # the same inputs and words as `sshd.SshServer`, so that the tests of that run here too
    """A machine with dockerd and sshd, user `deploy`, and a host key that is known beforehand.

    Args:
        folder: Where the keys go.
        sshd: Lines of its sshd_config.
    """

    PASSPHRASE = "sesame"
    port = 22

    def __init__(self, folder: Path, sshd: str = STORM) -> None:
        self.folder, self.sshd = folder, sshd
        for name, passphrase in (("host", ""), ("user", ""), ("other", ""), ("locked", self.PASSPHRASE)):
            made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", "", "-f", str(folder / name)]
            subprocess.run(made, check=True, stdin=subprocess.DEVNULL)
        self.ground = Ground("cs" + secrets.token_hex(3))
        try:
            self.ground.prepare()
            self._cloud = Containers(self.ground)
            self.address = self._cloud.ipv4(set())
            public = {"ipv4": {"ip": self.address}, "ipv6": None}
            self._server = {"id": 1, "name": "conformance", "public_net": public}
            self.container = self._cloud.name(self._server)
            self._cloud.create(self._server, self._user_data(), [])
            self.await_docker()
            # No registry can be reached from here: better told at once than after twenty seconds.
            self.shell("echo nameserver 127.0.0.1 >/etc/resolv.conf")
        except BaseException:
            self.remove()
            raise

    def _user_data(self) -> str:
        wanted = {
            "ssh_deletekeys": True,
            "ssh_genkeytypes": [],
            "ssh_keys": {"ed25519_private": self.text("host"), "ed25519_public": self.text("host.pub")},
            "users": [
                {
                    "name": USER, "groups": "docker", "shell": "/bin/bash", "sudo": "ALL=(ALL) NOPASSWD:ALL",
                    "ssh_authorized_keys": [self.text(f"{name}.pub").strip() for name in ("user", "locked")],
                }
            ],
            "write_files": [{"path": "/etc/ssh/sshd_config.d/00-test.conf", "content": self.sshd}],
            "runcmd": [["systemctl", "restart", "ssh"]],
        }  # fmt: skip
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
        """Options of one connection for all sessions, as the product's environment has them."""
        return ("ControlMaster=auto", f"ControlPath={self.folder}/{name}-%C", "ControlPersist=30")

    def provider(self, *more: str, address: str = "", port: int = 22, key: str = "host") -> dict:
        """Settings of a docker provider for it."""
        options = self.options(*more, key=key, address=address, port=port)
        return {
            "host": f"ssh://{USER}@{address or self.address}:{port}",
            "sshOpts": [word for one in options for word in ("-o", one)],
        }

    def connection(self, **changes: object) -> dict:
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

    def inside(
        self, command: str, data: bytes | None = None, timeout: float = 60
    ) -> subprocess.CompletedProcess[bytes]:
        """Runs a shell command in the machine as root, past SSH."""
        argv = ["docker", "exec", "--interactive", self.container, "sh", "-c", command]
        return subprocess.run(argv, input=data, capture_output=True, check=False, timeout=timeout)

    def docker(self, *arguments: str, data: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
        """Runs docker's own command in the machine."""
        return self.inside(shlex.join(["docker", *arguments]), data)

    def shell(self, command: str) -> None:
        """The same for a step that must go well."""
        done = self.inside(command)
        assert done.returncode == 0, f"in the machine: {command}: {done.stderr.decode()}"

    def await_docker(self) -> None:
        """Waits until cloud-init is done and both daemons answer."""
        ready = "test -e /run/cloud-init/result.json && docker version >/dev/null && ss -ltn | grep -q ':22 '"
        deadline = time.monotonic() + _PATIENCE
        while (said := self.inside(ready)).returncode:
            assert time.monotonic() < deadline, f"the machine did not come up: {said.stderr.decode()}"
            time.sleep(0.3)

    def reboot(self) -> None:
        """Power off without a word, and on again: no connection is told."""
        self._cloud.power(self._server, "reset")

    def remove(self) -> None:
        """Removes it and its network."""
        with contextlib.suppress(MachineError):
            self.ground.down()
