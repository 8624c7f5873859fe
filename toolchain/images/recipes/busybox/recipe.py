"""busybox, Debian's static build, where the official image has its own."""

from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt


def assemble(kit: Kit) -> str:
    """Lay out the one program, and the names that it answers to."""
    deb = apt.fetch_alone(kit, "busybox-static")
    unpacked = kit.work / "unpacked"
    apt.unpack(kit, [deb], unpacked)
    programs = kit.root / "bin"
    programs.mkdir(parents=True)
    kit.run(["cp", unpacked / "usr/bin/busybox", programs / "busybox"])
    for name in kit.output([programs / "busybox", "--list"]).split():
        if name != "busybox":
            (programs / name).symlink_to("busybox")
    return apt.version(kit, [deb], "busybox-static")


RECIPE = Recipe(
    image="busybox:1.37.0-musl",
    software="busybox",
    source="Debian: busybox-static",
    assemble=assemble,
    folder=Path(__file__).parent,
    base=None,
)
