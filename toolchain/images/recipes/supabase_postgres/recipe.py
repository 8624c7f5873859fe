"""Supabase's PostgreSQL without Supabase's own extensions: Debian's server, with the image's paths and user.

What the catalog's start script and SQL meet is as in the image: the entry point, `/etc/postgresql/postgresql.conf`, the
superuser `supabase_admin`, a user `postgres` that the server runs as. Missing are the image's init scripts and what is
in no package of Debian: pg_graphql, pg_net, pgsodium, supabase_vault, supautils and more.
"""

import shutil
from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.recipes.postgres15 import recipe as postgres15


def assemble(kit: Kit) -> str:
    """The build of PostgreSQL 15, and the settings where the image has them."""
    own, kit.files = kit.files, postgres15.RECIPE.folder
    version = postgres15.assemble(kit)
    settings = kit.root / "etc/postgresql"
    settings.mkdir(parents=True, exist_ok=True)
    shutil.copy2(own / "postgresql.conf", settings / "postgresql.conf")
    return version


RECIPE = Recipe(
    image="supabase/postgres:15.8.1.085",
    software="PostgreSQL, without Supabase's extensions",
    source=postgres15.RECIPE.source,
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(postgres15.RECIPE.folder,),
)
