"""Redis 7.0, Debian's, started by an entrypoint that keeps the official image's contract."""

import shutil
from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt


def assemble(kit: Kit) -> str:
    """Unpack Debian's server and tools."""
    debs = apt.fetch(kit, "redis-server")
    apt.unpack(kit, debs, kit.root)
    programs = kit.root / "usr/local/bin"
    programs.mkdir(parents=True)
    shutil.copy2(kit.files / "docker-entrypoint.sh", programs)
    return apt.version(kit, debs, "redis-server")


RECIPE = Recipe(
    image="redis:7.4.11-alpine",
    software="Redis",
    source="Debian: redis-server",
    assemble=assemble,
    folder=Path(__file__).parent,
)
