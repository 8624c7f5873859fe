"""What a host needs of its distribution: looked for, and installed only where it is missing."""

from __future__ import annotations

from homeport.model.host import HostFile, Package
from homeport.render import host_text

EVERY_HOST = (
    Package(name="python3", program="python3"),
    Package(name="iptables", program="iptables"),
    Package(name="ufw", program="ufw"),
    Package(name="unattended-upgrades", program="unattended-upgrade"),
)
"""Beside Docker, which a host may have from its own packages already."""


def files() -> tuple[HostFile, ...]:
    """Security upgrades by themselves; a restart of the host stays a person's decision."""
    return (HostFile(path="/etc/apt/apt.conf.d/60homeport", content=host_text.text("packages/upgrades.conf")),)


def apply(more: tuple[Package, ...] = ()) -> str:
    """Shell: installs what is missing; says what, and what apt said, if that fails.

    Args:
        more: What the host's optional layers need.
    """
    return host_text.filled("packages/install.sh", needs="\n".join(_need(package) for package in (*EVERY_HOST, *more)))


def _need(package: Package) -> str:
    need = f"need {package.program} {package.name}"
    return f"{package.unless} || {need}" if package.unless else need
