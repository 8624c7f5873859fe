"""LiteLLM's proxy from PyPI, on Debian's Python, with the Node.js that a PyPI wheel ships.

Prisma's native programs are in no package registry. Its query engine is here the WebAssembly build that npm's
`@prisma/client` ships, behind the native one's interface (`prisma-query-engine.mjs`), and of its command there is what
LiteLLM's start asks for (`prisma`).
"""

import shutil
from pathlib import Path

from toolchain.images import node_packages, python_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "1.108.7"
_ENGINE = "opt/prisma"


def assemble(kit: Kit) -> str:
    """Install LiteLLM, the engine, and what generates the client when the image is built."""
    commands = {"litellm": "litellm:run_server", "prisma-client-py": "prisma.cli:main"}
    python_packages.install(kit, kit.files / "requirements.txt", commands)
    _install_engine(kit)
    shutil.copy2(kit.files / "prisma", kit.root / "usr/local/bin/prisma")
    return _VERSION


def _install_engine(kit: Kit) -> None:
    # Each of the two that lay programs makes their folder.
    programs, aside = kit.root / "usr/local/bin", kit.work / "programs"
    shutil.move(programs, aside)
    npm = node_packages.lay_node(kit)
    shutil.copytree(aside, programs, dirs_exist_ok=True)
    home = kit.root / _ENGINE
    home.mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "prisma-query-engine.mjs"):
        shutil.copy2(kit.files / name, home / name)
    kit.phase("installing Prisma's engine from npm")
    node_packages.install(kit, npm, home)
    (kit.root / "usr/local/bin/prisma-query-engine").symlink_to(f"/{_ENGINE}/prisma-query-engine.mjs")


RECIPE = Recipe(
    image=f"ghcr.io/berriai/litellm-non_root:v{_VERSION}",
    software="LiteLLM",
    source=f"PyPI: litellm[proxy]=={_VERSION}, {node_packages.NODE}; npm: @prisma/client, @prisma/adapter-pg",
    assemble=assemble,
    folder=Path(__file__).parent,
    base="python:3.11.16-slim-bookworm",
    sources=(Path(node_packages.__file__), Path(python_packages.__file__)),
)
