"""Airflow 3.3 with accounts of its own (FAB) and PostgreSQL, from PyPI, on Debian's Python.

The other providers of the official image are not in it, nor are its entry point and the clients of other databases.
"""

from pathlib import Path

from toolchain.images import python_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "3.3.2"


def assemble(kit: Kit) -> str:
    """Install the packages."""
    python_packages.install(kit, kit.files / "requirements.txt", {"airflow": "airflow.__main__:main"})
    return _VERSION


RECIPE = Recipe(
    image=f"apache/airflow:{_VERSION}-python3.11",
    software="Airflow",
    source=f"PyPI: apache-airflow=={_VERSION} with the providers fab and postgres",
    assemble=assemble,
    folder=Path(__file__).parent,
    base="python:3.11.16-slim-bookworm",
    sources=(Path(python_packages.__file__),),
)
