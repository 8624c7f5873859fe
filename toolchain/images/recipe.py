"""Recipes: how an image is made when its registry can't be reached."""

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from toolchain.images.errors import ImageError
from toolchain.images.kit import Kit

BASE = "homeport/base:bookworm"
_HERE = Path(__file__).parent
_SHARED = ("pack.py", "sources")


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How one image is made.

    Attributes:
        image: the name it gets, which is the name that the catalog asks for.
        software: what is in it, in a few words.
        source: the package registry that it comes from, and the package there.
        assemble: fills the kit's root folder, and returns the software's exact version.
        folder: where the recipe lives: `recipe.py`, a Dockerfile that adds `rootfs.tar`, and its own files.
        base: the image that its Dockerfile starts from, itself one of the recipes.
        sources: files elsewhere in the repository that go into the image too.
        kind: `real` for the software itself; `stub` for something that only answers in its place.
        updated: an update builds it by a Dockerfile where its base comes from a registry: then it is not made here.
    """

    image: str
    software: str
    source: str
    assemble: Callable[[Kit], str]
    folder: Path
    base: str | None = BASE
    sources: tuple[Path, ...] = ()
    kind: Literal["real", "stub"] = "real"
    updated: bool = False

    @property
    def fingerprint(self) -> str:
        """The content hash of all that decides what the image holds: the recipe, its helpers, its base."""
        digest = hashlib.sha256(self.image.encode())
        for top in (self.folder, *(_HERE / name for name in _SHARED), *self.sources):
            for path in sorted(_files(top)):
                digest.update(path.relative_to(top.parent).as_posix().encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        if self.base:
            digest.update(find(self.base).fingerprint.encode())
        return digest.hexdigest()[:16]


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    return [p for p in path.rglob("*") if p.is_file() and "__pycache__" not in p.parts]


@cache
def recipes() -> dict[str, Recipe]:
    """All recipes for real software, by image name: a folder each below `recipes/`, or one for images of a kind."""
    by_image: dict[str, Recipe] = {}
    for path in sorted((_HERE / "recipes").glob("*/recipe.py")):
        module = importlib.import_module(f"toolchain.images.recipes.{path.parent.name}.recipe")
        for recipe in (*getattr(module, "RECIPES", ()), *([module.RECIPE] if hasattr(module, "RECIPE") else [])):
            by_image[recipe.image] = recipe
    return by_image


def known(image: str) -> Recipe | None:
    """The recipe for an image: real software by its full name, else a stub by its repository."""
    stubs = importlib.import_module("toolchain.images.recipes.stub.recipe")
    stub: Recipe | None = recipes().get(image) or stubs.recipe_for(image)
    return stub


def tagged(image: str) -> str:
    """The full name of an image; one without a tag means `:latest`, as for Docker."""
    return image if ":" in image.rpartition("/")[2] else f"{image}:latest"


def find(image: str) -> Recipe:
    """The recipe for an image.

    Raises:
        ImageError: there is none.
    """
    recipe = known(image)
    if recipe is None:
        what = "no registry can be asked for it here, it is not on this machine, and no recipe of homeport makes it"
        near = [name for name in recipes() if name.partition(":")[0] == image.rpartition(":")[0]]
        instead = f"name {near[0]}, which can be made here, or " if near else ""
        fix = f"see that the tag exists; {instead}bring it where there is no registry: docker load -i FILE"
        raise ImageError(image, what, fix)
    return recipe
