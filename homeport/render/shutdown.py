"""Ends a host's containers in their order when the machine goes down.

With ``live-restore`` dockerd leaves them running when it stops, and systemd then sends SIGTERM to every process at
once: a program that waits for its database, and a PostgreSQL that waits for its clients to go (SIGTERM is its smart
shutdown), wait for each other until both are killed after 90 s (measured: n8n with PostgreSQL, at every reboot).
``docker stop`` beforehand is no way out: a container that was stopped by it does not come back after the boot with
``unless-stopped`` (docs.docker.com, restart policies). So dockerd is asked what runs while it still answers; once it is
gone, and restarts nothing any more, each container gets its own stop signal and its own time, those that need others
first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeport.model.host import HostFile
from homeport.render import host_text

if TYPE_CHECKING:
    from collections.abc import Sequence

UNIT = "homeport-containers.service"
ORDER = "/etc/homeport/docker/order"
"""A line for each wave, in the order in which they end: names of containers."""
SCRIPT = "/usr/local/lib/homeport/containers"


def files(order: Sequence[Sequence[str]], units: Sequence[str] = ()) -> tuple[HostFile, ...]:
    """What lies on the host.

    Args:
        order: Waves of names of containers, in the order in which they end.
        units: Units that containers need to the last, such as the VPN that they listen on.
    """
    unit = host_text.filled("docker/containers.service", after=("containerd.service", *units))
    waves = [" ".join(sorted(wave)) for wave in order if wave]
    return (
        HostFile(path=ORDER, content="".join(f"{wave}\n" for wave in waves)),
        HostFile(path=SCRIPT, content=host_text.text("docker/containers.sh"), mode=0o755),
        HostFile(path=f"/etc/systemd/system/{UNIT}", content=unit),
    )


def apply() -> str:
    """Shell. The unit is never restarted: its stop ends every container."""
    return host_text.text("docker/containers-apply.sh")


def remove() -> str:
    """Shell: without its file the unit does nothing any more.

    It is not stopped, for that would end containers of others.
    """
    return host_text.text("docker/containers-remove.sh")
