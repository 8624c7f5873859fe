"""What Valkey 8 was forked from, Redis 7.0 of Debian, under Valkey's names: Debian bookworm has no package of Valkey."""

import shutil
from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt


def assemble(kit: Kit) -> str:
    """Unpack Debian's server and tools, and give them Valkey's names as well."""
    debs = apt.fetch(kit, "redis-server")
    apt.unpack(kit, debs, kit.root)
    programs = kit.root / "usr/local/bin"
    programs.mkdir(parents=True)
    for program in ("server", "cli", "benchmark", "check-aof", "check-rdb"):
        (programs / f"valkey-{program}").symlink_to(f"/usr/bin/redis-{program}")
    shutil.copy2(kit.files / "docker-entrypoint.sh", programs)
    return apt.version(kit, debs, "redis-server")


RECIPE = Recipe(
    image="valkey/valkey:8.1.3-alpine",
    software="Redis 7.0, which Valkey comes from",
    source="Debian: redis-server",
    assemble=assemble,
    folder=Path(__file__).parent,
)
