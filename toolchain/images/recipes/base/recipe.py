"""The base of all substitutes: Debian bookworm, as little of it as runs, with busybox's wget for health checks."""

import os
from pathlib import Path

from toolchain.images.errors import ImageError
from toolchain.images.kit import Kit
from toolchain.images.recipe import BASE, Recipe
from toolchain.images.sources import apt

_LEFT_OUT = (
    "etc/apt/sources.list",
    "var/lib/apt/lists",
    "var/cache/apt",
    "usr/share/doc",
    "usr/share/man",
    "dev",
    "proc",
    "sys",
)
_EMPTY = ("dev", "proc", "sys", "var/lib/apt/lists/partial", "var/cache/apt/archives/partial")


def assemble(kit: Kit) -> str:
    """Debootstrap the minimal variant from the mirror that this machine's apt uses."""
    if os.geteuid() != 0:
        raise ImageError(kit.image, "debootstrap makes device files and needs root", f"sudo make images  # for {BASE}")
    mirror = next(source.uri for source in apt.sources(kit) if source.release == apt.SUITE)
    kit.phase("fetching debootstrap")
    tools = kit.work / "tools"
    apt.unpack(kit, [apt.fetch_alone(kit, "debootstrap")], tools)
    kit.phase("debootstrap of Debian bookworm, minimal variant")
    kit.run(
        [
            tools / "usr/sbin/debootstrap", "--variant=minbase", "--include=busybox,ca-certificates",
            apt.SUITE, kit.root, mirror,
        ],
        env={"DEBOOTSTRAP_DIR": str(tools / "usr/share/debootstrap"), **apt.proxy(kit)},
    )  # fmt: skip
    _make_locale(kit)
    # The mirror is this machine's affair, not the image's; the lists are of no use without it.
    for left in _LEFT_OUT:
        kit.run(["rm", "-rf", "--one-file-system", kit.root / left])
    for empty in _EMPTY:
        (kit.root / empty).mkdir(parents=True)
    (kit.root / "usr/local/bin/wget").symlink_to("/bin/busybox")
    return (kit.root / "etc/debian_version").read_text(encoding="utf-8").strip()


def _make_locale(kit: Kit) -> None:
    """Compile `en_US.utf8`, the locale of the official PostgreSQL image, from Debian's sources of it."""
    sources = kit.root / "i18n"
    apt.unpack(kit, [apt.fetch_alone(kit, "locales")], sources)
    kit.run(
        ["chroot", kit.root, "localedef", "--no-archive", "-i", "en_US", "-f", "UTF-8", "/usr/lib/locale/en_US.utf8"],
        env={"I18NPATH": "/i18n/usr/share/i18n"},
    )
    kit.run(["rm", "-rf", sources])


RECIPE = Recipe(
    image=BASE,
    software="Debian",
    source="Debian: debootstrap --variant=minbase, busybox, ca-certificates",
    assemble=assemble,
    folder=Path(__file__).parent,
    base=None,
)
