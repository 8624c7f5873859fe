"""What the image of OpenClaw's sandbox stands on: Debian's Python and OpenSSH server.

Where a build can fetch images and packages itself, `apps/openclaw_sandbox/runtime.Dockerfile` makes the same.
"""

from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt


def assemble(kit: Kit) -> str:
    """Unpack the server."""
    debs = apt.fetch(kit, "openssh-server")
    apt.unpack(kit, debs, kit.root)
    return apt.version(kit, debs, "openssh-server")


RECIPE = Recipe(
    image="homeport/openclaw-sandbox-runtime:3.11.16",
    software="Python with OpenSSH's server; version is the server's",
    source="Debian: openssh-server",
    assemble=assemble,
    folder=Path(__file__).parent,
    base="python:3.11.16-slim-bookworm",
    updated=True,
)
