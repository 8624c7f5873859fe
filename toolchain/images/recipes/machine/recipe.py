"""The rented server of a rehearsal: Debian bookworm as a cloud's image has it, with systemd, sshd, cloud-init and Docker.

Everything that a user's cloud-init may want to install is in it already: such a machine reaches no package mirror.
"""

import os
import uuid
from pathlib import Path

from toolchain.images.errors import ImageError
from toolchain.images.kit import Kit
from toolchain.images.recipe import BASE, Recipe
from toolchain.images.sources import apt

_PACKAGES = (
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "openssh-server", "cloud-init", "sudo", "python3"),
    *(
        "ufw",
        "iptables",
        "nftables",
        "docker.io",
        "wireguard-tools",
        "wireguard-go",
        "iproute2",
        "iputils-ping",
        "procps",
        "kmod",
    ),
    *("unattended-upgrades", "chrony", "logrotate", "curl", "netcat-openbsd", "rsync", "gpg", "less"),
    *("fail2ban", "python3-systemd"),
)
# What one machine must not share with the next; the first boot makes its own.
_PERSONAL = (
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "etc/hostname",
    "etc/resolv.conf",
)
_LEFT_OUT = (
    "usr/share/doc",
    "usr/share/man",
    "var/cache/apt/pkgcache.bin",
    "var/cache/apt/srcpkgcache.bin",
    ".dockerenv",
)
_INSTALL = """
install -m 755 /recipe/policy-rc.d /usr/sbin/policy-rc.d
apt-get install -y --no-install-recommends /debs/*.deb
rm /usr/sbin/policy-rc.d
# It is there for who asks for it.
rm -f /etc/systemd/system/multi-user.target.wants/fail2ban.service
"""


def assemble(kit: Kit) -> str:
    """Install the packages in a container without a network, and take its file system as it then is."""
    if os.geteuid() != 0:
        why = "the machine's files belong to many users, which only root can unpack"
        raise ImageError(kit.image, why, f"sudo make images  # for {kit.image}")
    debs = apt.fetch(kit, *_PACKAGES)
    name = f"homeport-build-{uuid.uuid4().hex[:8]}"
    mounts = [
        part
        for source, target in ((debs[0].parent, "/debs"), (kit.files, "/recipe"))
        for part in ("--volume", f"{source}:{target}:ro")
    ]
    kit.phase(f"installing {len(debs)} packages")
    env = ("--env", "DEBIAN_FRONTEND=noninteractive")
    flags = ("--label", "homeport.build=machine", "--network", "none", *env, *mounts)
    try:
        kit.run(["docker", "run", "--name", name, *flags, BASE, "sh", "-euxc", _INSTALL])
        tree = kit.work / "machine.tar"
        kit.run(["docker", "export", "--output", tree, name])
        kit.run(
            [
                "tar",
                "--numeric-owner",
                "-C",
                kit.root,
                "-xf",
                tree,
                "--exclude=dev/*",
                "--exclude=proc/*",
                "--exclude=sys/*",
            ]
        )
        tree.unlink()
    finally:
        kit.run(["docker", "rm", "--force", "--volumes", name])
    _settle(kit)
    return apt.version(kit, debs, "systemd")


def _settle(kit: Kit) -> None:
    """Make it the image of a server that has never run."""
    for left in (*(kit.root / name for name in (*_PERSONAL, *_LEFT_OUT)), *kit.root.glob("etc/ssh/ssh_host_*")):
        kit.run(["rm", "-rf", left])
    # Empty, not absent: systemd then takes the boot for the first one and fills it.
    (kit.root / "etc/machine-id").touch()
    for mask in (kit.files / "masked").read_text(encoding="utf-8").split():
        (kit.root / "etc/systemd/system" / mask).symlink_to("/dev/null")


RECIPE = Recipe(
    image="homeport/machine:bookworm",
    software="a rented server: systemd, OpenSSH, cloud-init, Docker, UFW and WireGuard on Debian; version is systemd's",
    source=f"Debian: {', '.join(_PACKAGES)}",
    assemble=assemble,
    folder=Path(__file__).parent,
)
