"""PostgreSQL 16 without pgvector asked for: the same build as that image's, under this one's name."""

from pathlib import Path

from toolchain.images.recipe import Recipe
from toolchain.images.recipes.pgvector import recipe as pgvector

RECIPE = Recipe(
    image="postgres:16.14-alpine",
    software="PostgreSQL",
    source=pgvector.RECIPE.source,
    assemble=pgvector.assemble,
    folder=pgvector.RECIPE.folder,
    sources=(Path(__file__),),
)
