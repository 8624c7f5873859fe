"""Redis 7.0 of Debian under the name of Redis 8: the licences of 8 are none that this project builds from."""

from pathlib import Path

from toolchain.images.recipe import Recipe
from toolchain.images.recipes.redis7 import recipe as redis7

RECIPE = Recipe(
    image="redis:8.0.5-alpine",
    software="Redis 7.0, which Redis 8 comes from",
    source=redis7.RECIPE.source,
    assemble=redis7.assemble,
    folder=redis7.RECIPE.folder,
    sources=(Path(__file__),),
)
