"""Kernel settings of a host (dev-sec's os_hardening, less what Docker needs otherwise).

Two files: what belongs to a network namespace, and what belongs to the whole kernel. In a container the second one
would change the machine around it, some of it until that machine's next boot, so it is left out there.
"""

from __future__ import annotations

from homeport.model.host import HostFile
from homeport.render import host_text

NETWORK = "/etc/sysctl.d/60-homeport-network.conf"
KERNEL = "/etc/homeport/sysctl/kernel.conf"


def files() -> tuple[HostFile, ...]:
    """The settings, and the modules that are never loaded."""
    return (
        HostFile(path=NETWORK, content=host_text.text("kernel/network.conf")),
        HostFile(path=KERNEL, content=host_text.text("kernel/kernel.conf")),
        HostFile(path="/etc/modprobe.d/homeport.conf", content=host_text.text("kernel/modules.conf")),
    )


def apply() -> str:
    """Shell: sets what can be set, and says what cannot."""
    return host_text.text("kernel/apply.sh")
