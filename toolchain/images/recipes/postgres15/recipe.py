"""PostgreSQL 15, Debian's, started by the entrypoint that keeps the official image's contract.

Named like the Alpine image, and like it in what users of it meet: the user `postgres` is 70, a uid without a name may start it, all of
contrib is there. It is Debian inside: glibc, ICU and `apt`'s paths.
"""

import shutil
from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt

_LISTEN = "#listen_addresses = 'localhost'"


def assemble(kit: Kit) -> str:
    """Unpack Debian's server, its programs linked into the PATH."""
    debs = apt.fetch(kit, "postgresql-15", "libnss-wrapper")
    apt.unpack(kit, debs, kit.root)
    programs = kit.root / "usr/local/bin"
    programs.mkdir(parents=True)
    for program in (kit.root / "usr/lib/postgresql/15/bin").iterdir():
        (programs / program.name).symlink_to(f"/usr/lib/postgresql/15/bin/{program.name}")
    shutil.copy2(kit.files / "docker-entrypoint.sh", programs / "docker-entrypoint.sh")
    sample = kit.root / "usr/share/postgresql/15/postgresql.conf.sample"
    text = sample.read_text(encoding="utf-8")
    if _LISTEN not in text:
        raise ValueError(f"{sample.name} no longer has {_LISTEN}")
    sample.write_text(text.replace(_LISTEN, "listen_addresses = '*'"), encoding="utf-8")
    return apt.version(kit, debs, "postgresql-15")


RECIPE = Recipe(
    image="postgres:15.19-alpine",
    software="PostgreSQL",
    source="Debian: postgresql-15, libnss-wrapper",
    assemble=assemble,
    folder=Path(__file__).parent,
)
