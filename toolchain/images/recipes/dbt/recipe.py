"""dbt with its adapter for PostgreSQL, from PyPI, on Debian's Python; git, which `dbt debug` insists on; no compiler."""

from pathlib import Path

from toolchain.images import python_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt

_VERSION = "1.10.0"
_SCRIPTS = ("perl", "libperl", "liberror-perl", "git-man")
"""What git wants for commands that nobody gives here."""


def assemble(kit: Kit) -> str:
    """Install the packages, and make the folder that dbt works in."""
    python_packages.install(kit, kit.files / "requirements.txt", {"dbt": "dbt.cli.main:cli"})
    debs = [deb for deb in apt.fetch(kit, "git") if not deb.name.startswith(_SCRIPTS)]
    apt.unpack(kit, debs, kit.root)
    (kit.root / "usr/app/dbt").mkdir(parents=True)
    return _VERSION


RECIPE = Recipe(
    image=f"ghcr.io/dbt-labs/dbt-postgres:{_VERSION}",
    software="dbt",
    source=f"PyPI: dbt-postgres=={_VERSION}; Debian: git",
    assemble=assemble,
    folder=Path(__file__).parent,
    base="python:3.11.16-slim-bookworm",
    sources=(Path(python_packages.__file__),),
)
