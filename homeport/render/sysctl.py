"""Kernel settings of a host (dev-sec's os_hardening, less what Docker needs otherwise).

Two files: what belongs to a network namespace, and what belongs to the whole kernel. In a container the second one
would change the machine around it, some of it until that machine's next boot, so it is left out there.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from homeport.model.host import HostFile
from homeport.model.template import NAME
from homeport.render import host_text

if TYPE_CHECKING:
    from collections.abc import Mapping

NETWORK = "/etc/sysctl.d/60-homeport-network.conf"
KERNEL = "/etc/homeport/sysctl/kernel.conf"


def files(more: Mapping[str, str] = MappingProxyType({})) -> tuple[HostFile, ...]:
    """The settings, and the modules that are never loaded.

    Args:
        more: What the containers on the host want besides.
    """
    lines = [f"{NAME(key)} = {NAME(value)}\n" for key, value in sorted(more.items())]
    network = "".join(line for line in lines if line.startswith("net."))
    kernel = "".join(line for line in lines if not line.startswith("net."))
    return (
        HostFile(path=NETWORK, content=host_text.text("kernel/network.conf") + network),
        HostFile(path=KERNEL, content=host_text.text("kernel/kernel.conf") + kernel),
        HostFile(path="/etc/modprobe.d/homeport.conf", content=host_text.text("kernel/modules.conf")),
    )


def apply() -> str:
    """Shell: sets what can be set, and says what cannot."""
    return host_text.text("kernel/apply.sh")
