"""Python 3.11, Debian's, under the names that the official image has on its PATH. There is no pip."""

from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt


def assemble(kit: Kit) -> str:
    """Unpack Debian's interpreter and standard library."""
    debs = apt.fetch(kit, "python3.11")
    apt.unpack(kit, debs, kit.root)
    programs = kit.root / "usr/local/bin"
    programs.mkdir(parents=True)
    for name in ("python", "python3", "python3.11"):
        (programs / name).symlink_to("/usr/bin/python3.11")
    return apt.version(kit, debs, "python3.11")


def _recipe(tag: str) -> Recipe:
    return Recipe(
        image=f"python:{tag}",
        software="Python",
        source="Debian: python3.11",
        assemble=assemble,
        folder=Path(__file__).parent,
    )


RECIPES = tuple(_recipe(tag) for tag in ("3.11.16-slim-bookworm", "3.11-slim-bookworm", "3.11-slim", "3-slim-bookworm"))
"""Names that mean a Python of Debian's version; the others' contract a stub can hold."""
