"""What is known of the images that the catalog uses: facts with their source and their day."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from homeport.model.image import ImageFacts, parts


def facts() -> dict[str, ImageFacts]:
    """Repository to its facts, from ``service.py`` and ``image.py`` of every folder."""
    found = sorted(file for name in ("service", "image") for file in Path(__file__).parent.glob(f"*/{name}.py"))
    modules = [import_module(f"catalog.{file.parent.name}.{file.stem}") for file in found]
    every = [value for module in modules for value in vars(module).values() if isinstance(value, ImageFacts)]
    return {one.repository: one for one in every}


def known_digests(images: tuple[str, ...]) -> dict[str, str]:
    """Of these references, named by tag, the digest of each that the catalog knows."""
    known = facts()
    digests = {
        image: known[parts(image)[0]].digests.get(parts(image)[1]) for image in images if parts(image)[0] in known
    }
    return {image: digest for image, digest in digests.items() if digest}
