"""What OpenClaw's image of the catalog stands on: OpenClaw, and Debian's OpenSSH client.

Where a build can fetch images and packages itself, `apps/openclaw/runtime.Dockerfile` makes the same.
"""

from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.recipes.openclaw.recipe import RECIPE as OPENCLAW
from toolchain.images.sources import apt


def assemble(kit: Kit) -> str:
    """Unpack the client."""
    debs = apt.fetch(kit, "openssh-client")
    apt.unpack(kit, debs, kit.root)
    return apt.version(kit, debs, "openssh-client")


RECIPE = Recipe(
    image="homeport/openclaw-ssh:2026.9.6",
    software="OpenClaw with OpenSSH's client; version is the client's",
    source="Debian: openssh-client",
    assemble=assemble,
    folder=Path(__file__).parent,
    base=OPENCLAW.image,
    updated=True,
)
