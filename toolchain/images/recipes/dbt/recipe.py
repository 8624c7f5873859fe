"""dbt with its adapter for PostgreSQL, from PyPI, on Debian's Python. There is neither git nor a compiler in it."""

from pathlib import Path

from toolchain.images import python_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "1.10.0"


def assemble(kit: Kit) -> str:
    """Install the packages, and make the folder that dbt works in."""
    python_packages.install(kit, kit.files / "requirements.txt", {"dbt": "dbt.cli.main:cli"})
    (kit.root / "usr/app/dbt").mkdir(parents=True)
    return _VERSION


RECIPE = Recipe(
    image=f"ghcr.io/dbt-labs/dbt-postgres:{_VERSION}",
    software="dbt",
    source=f"PyPI: dbt-postgres=={_VERSION}",
    assemble=assemble,
    folder=Path(__file__).parent,
    base="python:3.11.16-slim-bookworm",
    sources=(Path(python_packages.__file__),),
)
