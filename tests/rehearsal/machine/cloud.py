"""An emulated cloud whose servers boot, for one test session, and short ways to look at it from outside and inside."""

from __future__ import annotations

import socket
import subprocess
import uuid

from rehearsal.clouds.hetzner.project import Project
from rehearsal.clouds.hetzner.service import Service
from rehearsal.clouds.hetzner.store import Store
from rehearsal.clouds.kit.api import ApiServer
from rehearsal.machine.daemon import IMAGE, docker
from rehearsal.machine.driver import Containers
from rehearsal.machine.ground import Ground
from rehearsal.machine.handle import Machine
from rehearsal.machine.shelf import Shelf
from tests.support.waits import until
from tests.unit.clouds_hetzner.emulated import Emulated

INNER = "homeport/base:bookworm"
USER_DATA = "#cloud-config\nwrite_files: [{path: /srv/ordered, content: as ordered}]\nruncmd: [touch /srv/ran]\n"


def rule(port, *sources, protocol="tcp", direction="in"):
    key = "source_ips" if direction == "in" else "destination_ips"
    return {"direction": direction, "protocol": protocol, "port": port, key: list(sources) or ["0.0.0.0/0", "::/0"]}


def answers(address, port, seconds=1.0):
    """`open`, `refused` or `silent`: what a stranger sees of a port from this computer."""
    try:
        with socket.create_connection((address, port), timeout=seconds):
            return "open"
    except ConnectionRefusedError:
        return "refused"
    except OSError:
        return "silent"


class Cloud(Emulated):
    """The cloud, its ground, and an outside host on the same internet."""

    def __init__(self, folder):
        self.folder = folder
        self.ground = Ground("t" + uuid.uuid4().hex[:7])
        self.ground.prepare()
        shelf = Shelf([INNER])
        shelf.fill()
        self.machines = Containers(self.ground, shelf).watch()
        self.service = Service(Project(Store(), self.machines))
        self.listener = ApiServer(self.service).start()
        self.key = folder / "key"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.key)], check=True)
        public = self.key.with_suffix(".pub").read_text().strip()
        self.key_id = self.make("/ssh_keys", {"name": "key", "public_key": public})["ssh_key"]["id"]
        self.stranger = f"homeport-{self.ground.name}-stranger"
        flags = ("--label", f"homeport.rehearsal={self.ground.name}", "--network", self.ground.network)
        docker("run", "--detach", "--name", self.stranger, *flags, "--init", "--entrypoint", "sleep", IMAGE, "infinity")

    def boot(self, name, **more):
        """A server that answers by SSH; the API's view of it and its machine."""
        fields = {"ssh_keys": [self.key_id], "user_data": USER_DATA, "location": "fsn1", **more}
        server = self.server(name, **fields)
        self.settle()
        machine = Machine.named(self.ground, name)
        until(lambda: self.ssh(machine, "true").returncode == 0, f"{name} never answers by SSH")
        return server, machine

    def ssh(self, machine, command, port=22, host=None, patience=5):
        """A command on the machine as root, by the key that was ordered for it; in how many seconds it must be in."""
        options = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "no",
            "UserKnownHostsFile": "/dev/null",
            "LogLevel": "ERROR",
            "ConnectTimeout": str(patience),
            "IdentityFile": str(self.key),
            "IdentitiesOnly": "yes",
            "Port": str(port),
        }
        flags = [f"-o{key}={value}" for key, value in options.items()]
        command = ["ssh", "-F", "none", *flags, f"root@{host or machine.ipv4}", command]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=600, check=False, stdin=subprocess.DEVNULL
        )

    def stranger_sees(self, address, port):
        """The same as `answers`, from another host on the internet."""
        script = (
            "import socket,sys\ntry: socket.create_connection((sys.argv[1], int(sys.argv[2])), 1); print('open')\n"
            "except ConnectionRefusedError: print('refused')\nexcept OSError: print('silent')"
        )
        return docker("exec", self.stranger, "python3", "-c", script, address, str(port))

    def action(self, server, what, **body):
        """Asks for an action and waits for its end."""
        self.make(f"/servers/{server['id']}/actions/{what}", body)
        self.settle()
        failed = [a for a in self.get("/actions?status=error")["actions"] if a["error"]["code"] == "action_failed"]
        assert [] == failed, failed

    def settle(self, seconds=300):
        until(lambda: not self.get("/actions?status=running")["actions"], "an action never ends", seconds)

    def left(self, server):
        """What Docker and the kernel still know of a server."""
        flags = ("--all", "--filter", f"name=^homeport-{self.ground.name}-{server['id']}$", "--format", "{{.Names}}")
        volumes = docker(
            "volume",
            "ls",
            "--quiet",
            "--filter",
            f"label=homeport.server={server['id']}",
            "--filter",
            f"label=homeport.rehearsal={self.ground.name}",
        )
        table = self.ground.helper("nft", "list", "table", "inet", f"homeport_{self.ground.name}")
        chains = [line.strip() for line in table.splitlines() if f"_{server['id']}" in line]
        return docker("ps", *flags).split() + volumes.split() + chains

    def close(self):
        self.listener.stop()
        self.ground.down()
