"""Recipes: how an image is made when its registry can't be reached."""

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from rehearsal.images.errors import ImageError
from rehearsal.images.kit import Kit

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
        kind: `real` for the software itself; `stub` for something that only answers in its place.
    """

    image: str
    software: str
    source: str
    assemble: Callable[[Kit], str]
    folder: Path
    base: str | None = BASE
    kind: Literal["real", "stub"] = "real"

    @property
    def fingerprint(self) -> str:
        """The content hash of all that decides what the image holds: the recipe, its helpers, its base."""
        digest = hashlib.sha256(self.image.encode())
        for path in sorted(_files(self.folder)) + sorted(p for name in _SHARED for p in _files(_HERE / name)):
            digest.update(str(path.relative_to(_HERE)).encode())
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
    """All recipes by image name: one folder each below `recipes/`."""
    found: dict[str, Recipe] = {}
    for path in sorted((_HERE / "recipes").glob("*/recipe.py")):
        made: Recipe = importlib.import_module(f"rehearsal.images.recipes.{path.parent.name}.recipe").RECIPE
        found[made.image] = made
    return found


def find(image: str) -> Recipe:
    """The recipe for an image; a name without a tag means `:latest`, as for Docker.

    Raises:
        ImageError: there is none; the message names those there are.
    """
    tagged = image if ":" in image.rpartition("/")[2] else f"{image}:latest"
    known = recipes()
    if tagged not in known:
        names = "\n".join(f"  - {name}" for name in known)
        raise ImageError(
            image, f"its registry doesn't answer, and there is no recipe of that name. There are:\n{names}"
        )
    return known[tagged]
