"""Servers as their distributions make them, without anything that homeport installs: what bootstrap is rehearsed on.

A machine finds its packages at `http://packages:3142`, where the rehearsal hands on the mirrors of the machine that it
runs on (`rehearsal/machine/packages.py`): no mirror is named here.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from toolchain.images.errors import ImageError
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt

if TYPE_CHECKING:
    from toolchain.images.kit import Kit

_HERE = Path(__file__).parent
_MACHINE = _HERE.parent / "machine"
_MASKED = _MACHINE / "masked"
_PACKAGES = (
    *("systemd", "systemd-sysv", "libpam-systemd", "dbus", "openssh-server", "cloud-init", "sudo", "python3"),
    # What cloud-init's own packages need by a name that no package has, which debootstrap does not look up.
    "python3-cffi-backend",
    # Of priority important or in both distributions' cloud images; the machine's own start needs ip.
    *("iproute2", "iputils-ping", "procps", "kmod", "nftables", "netbase", "ca-certificates", "less", "curl", "gpg"),
)
# What one machine must not share with the next; the first boot makes its own.
_PERSONAL = (
    "etc/machine-id",
    "var/lib/dbus/machine-id",
    "var/lib/systemd/random-seed",
    "etc/hostname",
    "etc/resolv.conf",
)
_LEFT_OUT = ("usr/share/doc", "usr/share/man", "var/cache/apt", "var/lib/apt/lists", "etc/apt/sources.list")
_EMPTY = ("var/lib/apt/lists/partial", "var/cache/apt/archives/partial")
_SOURCES = """\
Types: deb
URIs: http://packages:3142/{archive}
Suites: {suite} {suite}-updates
Components: {components}
Signed-By: {keys}

Types: deb
URIs: http://packages:3142/{archive}-security
Suites: {suite}-security
Components: {components}
Signed-By: {keys}
"""


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """What is built.

    Attributes:
        name: As in the image's tag.
        suite: Its release, as its mirrors have it.
        components: Parts of the archive.
        keys: The keyring that it believes.
    """

    name: str
    suite: str
    components: str = "main"
    keys: str = "/usr/share/keyrings/debian-archive-keyring.gpg"


def mirror(kit: Kit, suite: str) -> str:
    """Where this machine's apt has a release: by its own configuration, any release of Debian's from the same place.

    Raises:
        ImageError: It names no such mirror.
    """
    if suite != "noble":
        return next(source.uri for source in apt.sources(kit) if source.release == apt.SUITE)
    line = "$(REPO_URI)|$(RELEASE)"
    listing = kit.output(["apt-get", "indextargets", "--no-release-info", "--format", line, "Created-By: Packages"])
    for uri, _, release in (each.partition("|") for each in listing.splitlines()):
        if release == suite:
            return uri
    raise ImageError(
        kit.image,
        "this machine's apt has no source for Ubuntu 24.04 (noble), and no other place is asked",
        "name one below /etc/apt/sources.list.d (`deb <mirror> noble main universe`), or rehearse on ubuntu-like",
    )


def assemble(kit: Kit, distribution: Distribution) -> str:
    """Debootstrap it, and leave it as a server that has never run."""
    if os.geteuid() != 0:
        why = "debootstrap makes device files and needs root"
        raise ImageError(kit.image, why, f"sudo make images  # for {kit.image}")
    where = mirror(kit, distribution.suite)
    tools = kit.work / "tools"
    apt.unpack(kit, [apt.fetch_alone(kit, "debootstrap")], tools)
    scripts = tools / "usr/share/debootstrap"
    # All releases of a distribution are made by one script; an older debootstrap lacks the newer names.
    script = scripts / "scripts" / ("gutsy" if distribution.suite == "noble" else "sid")
    keys = [f"--keyring={distribution.keys}"] if Path(distribution.keys).exists() else []
    kit.phase(f"debootstrap of {distribution.suite}")
    # An environment of its own: this program's PYTHON… would be that of the packages' own scripts.
    variables = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBOOTSTRAP_DIR": str(scripts), **apt.proxy(kit)}
    kit.run(
        [
            *("env", "-i", *(f"{key}={value}" for key, value in variables.items())),
            str(tools / "usr/sbin/debootstrap"),
            *("--variant=minbase", *keys, f"--include={','.join(_PACKAGES)}"),
            f"--components={distribution.components.replace(' ', ',')}",
            *(distribution.suite, str(kit.root), where, str(script)),
        ]
    )
    _settle(kit, distribution)
    return apt_version(kit)


def apt_version(kit: Kit) -> str:
    """The version of systemd, which is what a machine of this image is first of all."""
    line = ["dpkg-query", f"--admindir={kit.root / 'var/lib/dpkg'}", "--show", "--showformat=${Version}", "systemd"]
    return kit.output(line)


def _settle(kit: Kit, distribution: Distribution) -> None:
    for left in (*(kit.root / name for name in (*_PERSONAL, *_LEFT_OUT)), *kit.root.glob("etc/ssh/ssh_host_*")):
        kit.run(["rm", "-rf", "--one-file-system", left])
    for top in ("dev", "proc", "sys"):
        kit.run(["find", kit.root / top, "-mindepth", "1", "-delete"])
    for empty in _EMPTY:
        (kit.root / empty).mkdir(parents=True)
    # Empty, not absent: systemd then takes the boot for the first one and fills it.
    (kit.root / "etc/machine-id").touch()
    for mask in _MASKED.read_text(encoding="utf-8").split():
        (kit.root / "etc/systemd/system" / mask).symlink_to("/dev/null")
    sources = _SOURCES.format(
        archive="ubuntu" if distribution.suite == "noble" else "debian",
        suite=distribution.suite,
        components=distribution.components,
        keys=distribution.keys,
    )
    (kit.root / "etc/apt/sources.list.d/mirror.sources").write_text(sources, encoding="utf-8")


def _recipe(distribution: Distribution, software: str) -> Recipe:
    return Recipe(
        image=f"homeport/machine:{distribution.name}",
        software=f"a rented server as its distribution makes it: {software}; version is systemd's",
        source=f"{'Ubuntu' if distribution.suite == 'noble' else 'Debian'}: {', '.join(_PACKAGES)}",
        assemble=partial(assemble, distribution=distribution),
        folder=_HERE,
        base=None,
        sources=(_MASKED,),
    )


RECIPES = (
    _recipe(Distribution(name="debian-12", suite="bookworm"), "Debian 12"),
    _recipe(Distribution(name="debian-13", suite="trixie"), "Debian 13"),
    _recipe(
        Distribution(
            name="ubuntu-24.04",
            suite="noble",
            components="main universe",
            keys="/usr/share/keyrings/ubuntu-archive-keyring.gpg",
        ),
        "Ubuntu 24.04",
    ),
)
