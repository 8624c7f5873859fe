"""postgres-meta out of npm, on the Node.js that a PyPI wheel ships, with the image's working folder and user.

npm installs by our lock file and runs no package's scripts: nothing that it serves is compiled or downloaded then.
"""

import shutil
from pathlib import Path

from toolchain.images import node_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "0.96.6"
_PACKAGE = "node_modules/@supabase/postgres-meta"


def assemble(kit: Kit) -> str:
    """Lay the package out as the image has it: `dist` and `node_modules` in one folder."""
    npm = node_packages.lay_node(kit)
    home = kit.root / "usr/src/app"
    home.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(kit.files / name, home / name)
    kit.phase("installing postgres-meta's 181 packages with npm")
    node_packages.install(kit, npm, home)
    # The package finds its own package.json by `imports`, and what it needs in the folders above it.
    (home / "dist").symlink_to(f"{_PACKAGE}/dist")
    return _VERSION


RECIPE = Recipe(
    image=f"supabase/postgres-meta:v{_VERSION}",
    software="postgres-meta",
    source=f"npm: @supabase/postgres-meta; PyPI: {node_packages.NODE}",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(node_packages.__file__),),
)
