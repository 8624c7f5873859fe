"""What the budget guard's image stands on: Debian's Python, and the packages of its list from PyPI.

Where a build can fetch images and packages itself, `apps/budget_guard/runtime.Dockerfile` makes the same.
"""

from pathlib import Path

from toolchain.images import python_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_REQUIREMENTS = Path(__file__).parents[4] / "apps/budget_guard/requirements.txt"


def assemble(kit: Kit) -> str:
    """Install the packages."""
    python_packages.install(kit, _REQUIREMENTS, {})
    return "of its list"


RECIPE = Recipe(
    image="homeport/budget-guard-runtime:366a1ef708fa",
    software="Python with the packages of the budget guard",
    source="PyPI: requirements.txt",
    assemble=assemble,
    folder=Path(__file__).parent,
    base="python:3.11.16-slim-bookworm",
    sources=(_REQUIREMENTS, Path(python_packages.__file__)),
    updated=True,
)
