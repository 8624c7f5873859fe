"""OpenClaw out of npm, on the Node.js that a PyPI wheel ships, where its image has it.

npm installs by our lock file and runs no package's scripts. There is neither a browser nor Docker's command line.
"""

import shutil
from pathlib import Path

from toolchain.images import node_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "2026.9.6"


def assemble(kit: Kit) -> str:
    """Install the package below `/app`, with the names that its image starts it by."""
    npm = node_packages.lay_node(kit)
    home = kit.root / "app"
    home.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(kit.files / name, home / name)
    kit.phase("installing OpenClaw's packages with npm")
    node_packages.install(kit, npm, home, "--omit=dev")
    kit.run(["find", home, "-name", "*.map", "-delete"])
    for name in ("openclaw.mjs", "dist"):
        (home / name).symlink_to(f"node_modules/openclaw/{name}")
    return _VERSION


RECIPE = Recipe(
    image=f"ghcr.io/openclaw/openclaw:{_VERSION}",
    software="OpenClaw",
    source=f"npm: openclaw; PyPI: {node_packages.NODE}",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(node_packages.__file__),),
)
