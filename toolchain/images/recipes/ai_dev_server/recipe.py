"""What the AI Dev Server's image stands on: Debian's Python and curl, and the packages of its list from PyPI.

Where a build can fetch images and packages itself, `apps/ai_dev_server/runtime.Dockerfile` makes the same.
"""

import re
from pathlib import Path

from toolchain.images import python_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt

_PROGRAM = Path(__file__).parents[4] / "apps/ai_dev_server"
_REQUIREMENTS = _PROGRAM / "requirements.txt"
_RUNTIME = re.compile(r"^ARG RUNTIME=(\S+)$", re.MULTILINE)


def assemble(kit: Kit) -> str:
    """Unpack curl, and install the packages."""
    debs = apt.fetch(kit, "curl")
    apt.unpack(kit, debs, kit.root)
    python_packages.install(kit, _REQUIREMENTS, {})
    return f"with curl {apt.version(kit, debs, 'curl')}"


def _name() -> str:
    found = _RUNTIME.search((_PROGRAM / "Dockerfile").read_text(encoding="utf-8"))
    if found is None:
        raise ValueError(f"{_PROGRAM}/Dockerfile has no ARG RUNTIME=")
    return found[1]


RECIPE = Recipe(
    image=_name(),
    software="Python with the packages of the AI Dev Server",
    source="PyPI: requirements.txt; Debian: curl",
    assemble=assemble,
    folder=Path(__file__).parent,
    base="python:3.11.16-slim-bookworm",
    sources=(_REQUIREMENTS, Path(python_packages.__file__)),
    updated=True,
)
