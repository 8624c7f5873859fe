"""What a host needs of its distribution: looked for, and installed only where it is missing."""

from __future__ import annotations

from homeport.model.host import HostFile, Package
from homeport.render import host_text

_NO_APPARMOR = '[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ]'
ENGINE = (
    Package(name="iptables", program="iptables"),
    # Docker's own packages where the host's owner has set them up (S2-04), else the distribution's.
    Package(name="docker.io", program="dockerd", rather=("docker-ce",)),
    # trixie's docker.io only recommends the command (packages.debian.org/trixie/docker.io); others have it inside.
    Package(name="docker.io", program="docker", rather=("docker-ce-cli", "docker-cli")),
)
"""A Docker that runs, and is spoken to."""
EVERY_HOST = (
    Package(name="python3", program="python3"),
    Package(name="iproute2", program="ip"),
    Package(name="procps", program="sysctl"),
    Package(name="ufw", program="ufw"),
    Package(name="unattended-upgrades", program="unattended-upgrade"),
    # Docker confines containers only where it finds the parser, and says nothing where it does not (moby#44900). Debian
    # only recommends it.
    Package(name="apparmor", program="apparmor_parser", unless=_NO_APPARMOR),
    *ENGINE,
)


def files() -> tuple[HostFile, ...]:
    """Security upgrades by themselves; a restart of the host stays a person's decision."""
    return (HostFile(path="/etc/apt/apt.conf.d/60homeport", content=host_text.text("packages/upgrades.conf")),)


def apply(more: tuple[Package, ...] = ()) -> str:
    """Shell for a host: installs what is missing; says what, and what apt said, if that fails.

    Args:
        more: What the host's optional layers need.
    """
    return install((*EVERY_HOST, *more))


def install(packages: tuple[Package, ...]) -> str:
    """Shell: installs those of the packages whose programs are missing."""
    needs = host_text.Code("\n".join(_need(package) for package in packages))
    return host_text.filled("packages/install.sh", needs=needs)


def _need(package: Package) -> str:
    need = f"need {package.program} {','.join((*package.rather, package.name))}"
    return f"{package.unless} || {need}" if package.unless else need
