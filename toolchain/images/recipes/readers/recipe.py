"""The programs that read what hosts get, for tests alone: sshd, iptables, wg, systemd, cloud-init, fail2ban, Redis.

Apart from the machine of a rehearsal, which holds only what a cloud's image has.
"""

from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt

_PACKAGES = (
    *("openssh-server", "iptables", "nftables", "iproute2", "wireguard-tools", "wireguard-go", "systemd"),
    *("cloud-init", "fail2ban", "python3"),
)


def assemble(kit: Kit) -> str:
    """Unpack Debian's packages."""
    debs = apt.fetch(kit, *_PACKAGES)
    apt.unpack(kit, debs, kit.root)
    for version in ("", "6"):
        for program in ("", "-restore", "-save"):
            # What Debian's update-alternatives would do.
            name = f"ip{version}tables{program}"
            (kit.root / "usr/sbin" / name).symlink_to("xtables-nft-multi")
    return apt.version(kit, debs, "systemd")


RECIPE = Recipe(
    image="homeport/readers:bookworm",
    software="OpenSSH, iptables, nftables, WireGuard's tools, systemd, cloud-init, fail2ban; version is systemd's",
    source=f"Debian: {', '.join(_PACKAGES)}",
    assemble=assemble,
    folder=Path(__file__).parent,
)
