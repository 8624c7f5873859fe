"""`n8nio/n8n:latest`: the n8n that is built here, under the name of whoever asks for no version."""

from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_IMAGE = "n8nio/n8n:2.38.7"


def assemble(kit: Kit) -> str:
    """Add nothing: the image is its base under another name."""
    kit.phase(f"the same as {_IMAGE}")
    return _IMAGE.rpartition(":")[2]


RECIPE = Recipe(
    image="n8nio/n8n:latest",
    software="n8n",
    source=f"the recipe of {_IMAGE}",
    assemble=assemble,
    folder=Path(__file__).parent,
    base=_IMAGE,
)
