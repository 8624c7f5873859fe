"""A real mesh in containers: Headscale behind Caddy on a hub, and machines with systemd, sshd and Docker that join it.

The network has no way out, so whoever needed a third party would fail here. Everything carries one name of its own
and goes by it.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from typing import TYPE_CHECKING

from catalog.headscale.service import SERVICE
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.mesh import HOSTS
from homeport.model.route import Guard, Route
from homeport.render import headscale, tailscale
from homeport.render.caddy import caddyfile
from homeport.render.ssh_options import pinned
from rehearsal.machine.daemon import CONTAINER, IMAGE
from tests.support import subnets
from tests.support.checkout import ROOT
from tests.support.waits import until

if TYPE_CHECKING:
    from pathlib import Path

HEADSCALE, TAILSCALE = SERVICE.image, "tailscale/tailscale:v1.84.2"
CADDY, MACHINE = "caddy:2.11.4-alpine", IMAGE
IMAGES = (HEADSCALE, TAILSCALE, CADDY, MACHINE)
_LET_IN = """
ssh-keygen -A >/dev/null
useradd --create-home --shell /bin/sh deploy
echo 'deploy ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/deploy
cd ~deploy && mkdir .ssh && cat >.ssh/authorized_keys && chown -R deploy .ssh
systemctl reset-failed ssh || true
systemctl restart ssh
"""


def docker(*argv: str, stdin: str | bytes | None = None) -> str:
    """Output of the ``docker`` command; its failure is the test's."""
    given = stdin.encode() if isinstance(stdin, str) else stdin
    done = subprocess.run(["docker", *argv], capture_output=True, check=False, input=given, timeout=600)
    assert done.returncode == 0, f"docker {' '.join(argv)}: {done.stderr.decode()}"
    return done.stdout.decode()


def address(container: str) -> str:
    """A container's address on its only network."""
    return docker("inspect", "-f", "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}", container).strip()


class Machine:
    """A server that runs already and takes one SSH key."""

    def __init__(self, world: MeshNetwork, name: str) -> None:
        self.world, self.name = world, name
        self.container = f"{world.prefix}-{name}"
        hub = ("--add-host", f"{world.mesh.server}:{world.edge}") if world.mesh else ()
        docker(
            "run",
            "-d",
            "--name",
            self.container,
            "--hostname",
            name,
            "--network",
            world.network,
            *hub,
            "-v",
            "/var/lib/docker",
            *CONTAINER,
            MACHINE,
        )
        world.made.append(self.container)

    def settle(self) -> None:
        """Waits for it, lets the key in, and starts its Docker."""
        # Until cloud-init is done: it makes sshd's keys too.
        booted = "timeout 60 systemctl is-system-running --wait || true"
        until(lambda: self.run(booted).strip() in {"running", "degraded"}, f"{self.name} does not get up")
        self.run(_LET_IN, stdin=(self.world.folder / "key.pub").read_text())
        self.address = address(self.container)
        self.host_key = " ".join(self.run("cat /etc/ssh/ssh_host_ed25519_key.pub").split()[:2])
        until(self.docker_answers, f"no Docker on {self.name}: " + self.run("journalctl -u docker | tail -5"))

    def docker_answers(self) -> bool:
        return "ok" in self.run("systemctl start docker; docker version >/dev/null 2>&1 && echo ok || true")

    def install(self) -> None:
        """The client's image on its Docker, then what HostFiles does with the client's files."""
        with subprocess.Popen(["docker", "save", TAILSCALE], stdout=subprocess.PIPE) as save:
            subprocess.run(
                ["docker", "exec", "-i", self.container, "docker", "load", "-q"], stdin=save.stdout, check=True
            )
        assert save.returncode == 0, "the image was not saved"
        for file in tailscale.files(self.world.mesh.port, self.world.authority):
            text = file.content.replace("{mesh-image}", TAILSCALE)
            self.run(f"mkdir -p $(dirname {file.path}); cat >{file.path}", stdin=text)
        self.run(tailscale.install())

    def run(self, shell: str, stdin: str = "") -> str:
        """Runs shell on it, as root, by another door than SSH."""
        return docker("exec", "-i", self.container, "sh", "-c", shell, stdin=stdin)

    def reaches(self, address: str, port: int) -> bool:
        """Whether a TCP connection gets through."""
        return "yes" in self.run(f"nc -z -w 3 {address} {port} && echo yes || echo no")

    def serve(self, port: int) -> None:
        """Something to be reached on a port, on all addresses."""
        self.run(f"systemd-run --quiet --unit serve-{port} nc -lk 0.0.0.0 {port}")

    @property
    def environment(self) -> dict[str, str]:
        """What a host's handle gives for it."""
        options = (
            *pinned(self.address, 22, self.host_key),
            f"IdentityFile={self.world.folder}/key",
            "IdentitiesOnly=yes",
        )
        return {
            "HOMEPORT_SSH": f"deploy@{self.address}",
            "HOMEPORT_SSH_PORT": "22",
            "HOMEPORT_SSH_OPTS": "\n".join(options),
        }


class MeshNetwork:
    """The hub, the network, and whoever joins.

    Args:
        folder: For keys and rendered files.
        mesh: What is declared.
    """

    def __init__(self, folder: Path, mesh) -> None:
        self.folder, self.mesh = folder, mesh
        self.prefix = f"mesh-{secrets.token_hex(3)}"
        self.network = self.prefix
        self.control = f"{self.prefix}-headscale"
        self.made: list[str] = []
        self.authority = self.edge = ""

    def start(self) -> None:
        """The network, the control server as a hardened container, and the edge proxy in front of it."""
        self.lay()
        self.declare(self.mesh)
        self.new_state()
        self.run_control()
        route = Route(
            name="mesh",
            service=self.control,
            port=headscale.PORT,
            guards=(Guard(kind="open", because="members log in with keys of their own"),),
        )
        edge = Edge(bind="127.0.0.1", ports={"http": 80, "https": 443}, public=False)
        blueprint = Blueprint(
            preset="case", environment="dev", services=(), networks=(), routes=(route,), edge=edge, domain="example.com"
        )
        (self.folder / "Caddyfile").write_text(caddyfile(blueprint))
        name = f"{self.prefix}-caddy"
        docker(
            "run",
            "-d",
            "--name",
            name,
            "--network",
            self.network,
            "-v",
            f"{self.folder}/Caddyfile:/etc/caddy/Caddyfile:ro",
            CADDY,
        )
        self.made.append(name)
        self.edge = address(name)
        root = "/data/caddy/pki/authorities/local/root.crt"
        self.authority = until(
            lambda: (
                subprocess.run(
                    ["docker", "exec", name, "cat", root], capture_output=True, text=True, check=False
                ).stdout
            ),
            "Caddy made no authority",
        )

    def lay(self) -> None:
        """The network, and a key for SSH."""
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.folder / "key"], check=True)
        subnets.network(self.network, "--internal")

    def new_state(self) -> None:
        """What a new host has for the control server, in place of one's that was lost: nothing."""
        subprocess.run(["docker", "rm", "-f", self.control], capture_output=True, check=False)
        subprocess.run(["docker", "volume", "rm", self.control], capture_output=True, check=False)
        docker("volume", "create", self.control)
        docker("run", "--rm", "-v", f"{self.control}:/v", "--entrypoint", "chown", HEADSCALE, "10001:10001", "/v")

    def declare(self, mesh) -> None:
        """Writes the configuration and the policy of a mesh."""
        self.mesh = mesh
        (self.folder / "etc").mkdir(exist_ok=True)
        (self.folder / "etc/config.json").write_text(headscale.config(mesh))
        (self.folder / "etc/policy.json").write_text(headscale.policy(mesh))

    def run_control(self) -> None:
        """Starts the control server with the files as they are now, in place of one that runs."""
        subprocess.run(["docker", "rm", "-f", self.control], capture_output=True, check=False)
        user = f"{SERVICE.uid}:{SERVICE.uid}"
        tmpfs = [part for path, options in SERVICE.tmpfs.items() for part in ("--tmpfs", f"{path}:{options}")]
        volumes = [
            part
            for source, path in (
                (self.control, SERVICE.volumes["headscale"].path),
                (f"{self.folder}/etc", SERVICE.files_at),
            )
            for part in ("-v", f"{source}:{path}{':ro' if path == SERVICE.files_at else ''}")
        ]
        docker(
            "run",
            "-d",
            "--name",
            self.control,
            "--network",
            self.network,
            "--user",
            user,
            "--read-only",
            "--cap-drop=ALL",
            "--security-opt=no-new-privileges",
            f"--memory={SERVICE.limits.memory}m",
            f"--pids-limit={SERVICE.limits.pids}",
            *tmpfs,
            *volumes,
            SERVICE.image,
            *SERVICE.command,
        )
        if self.control not in self.made:
            self.made.append(self.control)
        until(self.answers, "Headscale does not answer:\n" + self.logs())

    def answers(self) -> bool:
        """Whether the probe that the catalog declares succeeds."""
        probe = ["docker", "exec", self.control, *SERVICE.health.test]
        return subprocess.run(probe, capture_output=True, check=False).returncode == 0

    def logs(self) -> str:
        """What the control server wrote."""
        done = subprocess.run(["docker", "logs", self.control], capture_output=True, text=True, check=False)
        return done.stdout + done.stderr

    def script(self, *argv: str, member: Machine | None = None, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs the program's own script as the program would."""
        environment = {
            **{key: value for key, value in os.environ.items() if key != "DOCKER_HOST"},
            **(member.environment if member else {}),
            "MESH_CONTROL": self.control,
            "MESH_USER": HOSTS,
        }
        return subprocess.run(
            ["sh", "components/scripts/mesh.sh", *argv],
            cwd=ROOT,
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def enrol(self, machine: Machine) -> str:
        """Enrols a machine under its declared tags; its address."""
        member = next(one for one in self.mesh.members if one.name == machine.name)
        done = self.script(
            "enrol", member.name, self.mesh.url, ",".join(f"tag:{tag}" for tag in member.tags), member=machine
        )
        assert done.returncode == 0, f"{done.stderr}\n{self.logs()[-2000:]}"
        return done.stdout.strip()

    def remove(self) -> None:
        """Everything that was made, by name."""
        for name in self.made:
            subprocess.run(["docker", "rm", "-f", "-v", name], capture_output=True, check=False)
        subprocess.run(["docker", "volume", "rm", self.control], capture_output=True, check=False)
        subprocess.run(["docker", "network", "rm", self.network], capture_output=True, check=False)
