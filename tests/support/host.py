"""A server as the product gets one.

Born from our cloud-init on the emulated Hetzner, spoken to by our scripts and nothing else.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import secrets
import subprocess
from types import SimpleNamespace
from typing import TYPE_CHECKING

from components.connection import private_key, public_key, ssh_options
from components.host_unit import packed
from homeport.render import sshd
from homeport.render.cloud_init import cloud_init
from homeport.settings.hosts import CreateHost
from rehearsal.clouds.hetzner.machines import MachineError
from rehearsal.machine.driver import Containers
from rehearsal.machine.ground import Ground
from rehearsal.machine.packages import Packages
from tests.support.checkout import ROOT
from toolchain.images.ensure import ensure

if TYPE_CHECKING:
    from pathlib import Path

    from homeport.model.host import HostFile


def seed(name: str) -> str:
    return base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()


USUAL = CreateHost.model_fields["image"].default
"""The distribution of a server of which the settings say nothing else."""


class Server:
    """One machine, its keys, and the program's environment for it.

    Args:
        folder: For its keys.
        image: What it is made of; empty: the one that has everything installed. A bare one finds package mirrors.
        port: Of sshd, from birth.
    """

    def __init__(self, folder: Path, image: str = "", port: int = 22) -> None:
        self.folder, self.pin, self.packages = folder, "", None
        self.born = private_key(seed("born")), public_key(seed("born"))
        self.identity = folder / "identity"
        self.identity.touch(mode=0o600)
        self.identity.write_text(private_key(seed("client")))
        self.ground = Ground("ho" + secrets.token_hex(3))
        try:
            self.ground.prepare()
            self._cloud = Containers(self.ground, systems={"asked": image} if image else {})
            self.address = self._cloud.ipv4(set())
            net = {"ipv4": {"ip": self.address}, "ipv6": None}
            self._server = {"id": 1, "name": "host", "image": {"name": "asked"}, "public_net": net}
            if image:
                self.packages = Packages(self.ground.gateway).start()
            self.container = self._cloud.name(self._server)
            told = cloud_init(
                user="deploy",
                authorized=public_key(seed("client")),
                host_private=self.born[0],
                host_public=self.born[1],
                port=port,
            )
            self._cloud.create(self._server, told, [])
        except BaseException:
            self.remove()
            raise

    def options(self, pin: str = "") -> str:
        """The lines of HOMEPORT_SSH_OPTS."""
        return "\n".join(ssh_options("host", pin or self.pin or self.born[1], str(self.identity)))

    def environment(self, port: int = 22, pin: str = "", **more: str) -> dict[str, str]:
        """What the program hands to its scripts."""
        ours = {"HOMEPORT_SSH": f"deploy@{self.address}", "HOMEPORT_SSH_PORT": str(port)}
        return {**os.environ, **ours, "HOMEPORT_SSH_OPTS": self.options(pin), **more}

    def script(self, *words: str, stdin: str = "", **env) -> subprocess.CompletedProcess[str]:
        """Runs a script as the command provider does."""
        return subprocess.run(
            ["sh", *words],
            cwd=ROOT,
            env=self.environment(**env),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=320,
        )

    def ready(self, *words: str, **env) -> subprocess.CompletedProcess[str]:
        return self.script("components/scripts/ready.sh", *words, **env)

    def pinned(self) -> None:
        """Waits until it answers, and pins the key that it was born with."""
        answered = self.ready("wait", "300", pin=self.born[1])
        assert answered.returncode == 0, f"{answered.stderr}\nThe machine itself says:\n{self.console()}"
        self.pin = self.born[1]

    def console(self) -> str:
        """What a person would look at who cannot come in by SSH."""
        asked = (
            "ip -br address; systemctl --failed --no-legend; systemctl is-system-running; journalctl -b -n 60 -o cat"
        )
        done = subprocess.run(
            ["docker", "exec", self.container, "sh", "-c", asked], capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    def known(self) -> None:
        """The first contact: the program learns the key that the host made itself, and the host changes to it."""
        first = self.ready("key", "120", pin=self.born[1])
        assert first.returncode == 0, first.stderr
        self.pin = first.stdout.strip()
        switched = self.ready("switch", pin=self.born[1], HOMEPORT_SSH_OPTS_NEXT=self.options())
        assert switched.returncode == 0, switched.stderr

    def bundle(self, files: tuple[HostFile, ...], apply=":", remove=":", **values: str) -> str:
        return self.whole(files, apply, remove, values=values)

    def whole(self, files, apply, remove, *, also=(), units=(), take_over=("*",), values=None, texts=None) -> str:
        """A unit as a rented server gets it; an adopted one says what may be taken over."""
        host = SimpleNamespace(take_over=take_over)
        args = SimpleNamespace(files=files, apply=apply, remove=remove, also=also, units=units, host=host)
        args.texts = texts or {}
        return packed(args, values or {})

    def unit(self, name: str, files=(), apply=":", *, remove=":", guard=0, env=None, more=None, **values: str):
        """Lays a unit of files, as HostFiles does; ``more`` is what else ``whole`` takes."""
        text = self.whole(files, apply, remove, values=values, **(more or {}))
        return self.script("components/scripts/host.sh", "apply", name, str(guard), stdin=text, **(env or {}))

    def drop(self, name: str):
        done = self.script("components/scripts/host.sh", "remove", name, "0", stdin=self.bundle(()))
        assert done.returncode == 0, done.stderr

    def sshd(self, *ports: int, users=("deploy",), addresses=(), forward=None, guard=60, apply="", **env):
        """The settings of sshd as the component lays them.

        The connection is to the port that the program knows until then.
        """
        ports = ports or (22,)
        files = sshd.files(ports=ports, users=users, host_key=sshd.HOST_KEY, addresses=addresses, forward=forward)
        env = {"HOMEPORT_SSH_PORT_NEXT": str(ports[0]), "port": ports[0], **env}
        return self.unit("ssh", files, sshd.apply(ports) + apply, remove=sshd.remove(ports), guard=guard, env=env)

    def login(self, port: int = 22, pin: str = "", command: str = "true") -> subprocess.CompletedProcess[str]:
        """A new connection, as nobody else's."""
        options = [part for option in self.options(pin).splitlines() for part in ("-o", option)]
        fresh = ("-o", "ControlMaster=no", "-o", "ControlPath=none")
        return subprocess.run(
            ["ssh", *fresh, *options, "-p", str(port), f"deploy@{self.address}", command],
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            stdin=subprocess.DEVNULL,
        )

    def inside(self, command: str, check=True) -> str:
        """Runs a shell command as root in the machine, past its sshd."""
        argv = ["docker", "exec", self.container, "sh", "-c", command]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=180)
        assert done.returncode == 0 or not check, f"{command}: {done.stderr}"
        return done.stdout

    def power(self, what: str) -> None:
        self._cloud.power(self._server, what)

    def remove(self) -> None:
        if self.packages is not None:
            self.packages.close()
        with contextlib.suppress(MachineError):
            self.ground.down()


def bare(folder: Path, name: str = USUAL, port: int = 22) -> Server:
    """A server as its distribution makes it."""
    image = f"homeport/machine:{name}"
    ensure([image])
    return Server(folder, image, port)
