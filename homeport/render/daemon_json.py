"""Docker's own settings on a host, merged into those that the host has.

An adopted host's ``data-root`` or mirrors are its owner's: overwriting the file would lose every container on it.
Only keys that Docker 20.10 and all later versions take: one that it does not know keeps dockerd from starting.
"""

from __future__ import annotations

import json

from homeport.model.host import HostFile
from homeport.model.network import POOL
from homeport.render import host_text

PATH = "/etc/docker/daemon.json"
"""What dockerd reads: the owner's keys and homeport's."""
UNIT = "docker.service"
WANTED = "/etc/homeport/docker/daemon.json"
SETTINGS = {
    "default-address-pools": [{"base": str(POOL), "size": 24}],
    "default-cgroupns-mode": "private",
    "default-ulimits": {
        "core": {"Name": "core", "Soft": 0, "Hard": 0},
        "nofile": {"Name": "nofile", "Soft": 1024, "Hard": 4096},
    },
    "icc": False,
    # Where a port is published without an address.
    "ip": "127.0.0.1",
    "iptables": True,
    # Containers live on while the daemon restarts: a change of this file cuts nobody off.
    "live-restore": True,
    "log-driver": "local",
    "log-opts": {"max-file": "5", "max-size": "10m"},
    "no-new-privileges": True,
    # The proxy would take published ports in by INPUT, past DOCKER-USER.
    "userland-proxy": False,
}


def files() -> tuple[HostFile, ...]:
    """What homeport wants; dockerd reads the merged file beside it."""
    return (HostFile(path=WANTED, content=json.dumps(SETTINGS, indent=2, sort_keys=True) + "\n"),)


def apply() -> str:
    """Shell: merges, and restarts Docker only if that changed something.

    A daemon that does not come up gets its old file back.
    """
    return host_text.text("docker/daemon.sh")
