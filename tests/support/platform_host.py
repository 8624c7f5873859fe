"""vps-infrastructure on a bare machine that it takes over, a few services of it: what is typed on the host."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from catalog.presets.vps_infrastructure.preset import PRESET
from homeport.cli.rehearse import DISTRIBUTIONS
from homeport.cli.stack import read
from homeport.settings.hosts import CreateHost
from tests.support.adopted import Adopted
from tests.support.edits import EDITS
from tests.support.scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = ("caddy", "dtc-frontend-app", "registry", "supabase-db")
USER, FOLDER = "deploy", "/home/deploy/platform"
BARE = CreateHost.model_fields["image"].default
# As long as nobody has looked, an address that could be one.
_NOWHERE = {
    "mode": "adopt",
    "address": "198.18.0.2",
    "user": "root",
    "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
}


class PlatformHost(Adopted):
    """The machine, as its distribution makes it, and the stack."""

    def __init__(self, folder: Path) -> None:
        assert BARE in DISTRIBUTIONS, BARE
        off = {service.name: {"enabled": False} for service in PRESET.services if service.name not in SERVICES}
        stack = Scratch(
            folder,
            preset=PRESET.name,
            namespace="",
            domain="example.com",
            exposure="direct",
            networks={},
            edge={"http_port": 80, "https_port": 443},
            hosts={"main": _NOWHERE},
            services=off,
        )
        EDITS["the frontend is where HostAgent is called from"].apply(stack.folder)
        # As in every rehearsal: this machine's images are known by their names, not by a registry's digests.
        done = stack.pulumi("config", "set", "hcloud:endpoint", "http://127.0.0.1:1")
        assert done.returncode == 0, done.stderr
        super().__init__(folder, stack, read(stack.name, stack.folder).images(), f"homeport/machine:{BARE}")

    def typed(self, command: str, where: str = "") -> str:
        """What a command prints that the folder's owner types, who is not root, both streams."""
        return self.inside(f'runuser -l {USER} -c "cd {FOLDER}/{where} && $1" 2>&1', command)

    def compose(self, folder: str, *words: str) -> str:
        """``docker-compose`` in a service's folder."""
        return self.typed(f"docker-compose {' '.join(words)}", f"docker-compose/{folder}")

    def containers(self) -> dict[str, dict]:
        """What the machine's Docker says of each container, by name."""
        said = self.inside("docker ps -aq | xargs -r docker inspect")
        return {item["Name"].removeprefix("/"): item for item in json.loads(said or "[]")}

    def kept(self) -> list[str]:
        """Its networks and volumes, by what they are."""
        return self.inside("docker network ls --no-trunc -q | sort; docker volume ls -q | sort").split()

    def asked(self, path: str, token: str = "", method: str = "GET") -> tuple[int, dict]:
        """HostAgent's answer to somebody on the host, which has no curl."""
        script = (
            "import sys, urllib.request as u, urllib.error as e\n"
            "headers = {'Authorization': 'Bearer ' + sys.argv[2]} if sys.argv[2] else {}\n"
            "request = u.Request('http://127.0.0.1:9000' + sys.argv[1], method=sys.argv[3], headers=headers)\n"
            "try: answer = u.urlopen(request, timeout=120)\n"
            "except e.HTTPError as error: answer = error\n"
            "except OSError: print('0 null'); sys.exit()\n"
            "print(answer.status, answer.read().decode())\n"
        )
        said = self.inside('python3 -c "$4" "$1" "$2" "$3"', path, token, method, script)
        status, _, text = said.partition(" ")
        return int(status), json.loads(text)
