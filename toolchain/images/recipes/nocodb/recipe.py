"""NocoDB out of npm, where its image has it, on the Node.js that a PyPI wheel ships.

npm installs by our lock file and runs no package's scripts: SQLite is missing, which makes PostgreSQL the only database
of this image. `package.json` leaves out what the server's bundle never loads, in whose place links to nowhere stand
until they are taken away; `docker/main.js` starts the server as the official image's does.
"""

import shutil
from pathlib import Path

from toolchain.images import node_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt

_VERSION = "0.301.3"
_APP = "usr/src/app"


def assemble(kit: Kit) -> str:
    """Install the package below `/usr/src/app`, with the programs by whose names its image starts it."""
    npm = node_packages.lay_node(kit)
    apt.unpack(kit, apt.fetch(kit, "dumb-init", "wget"), kit.root)
    app = kit.root / _APP
    shutil.copytree(kit.files / "docker", app / "docker", ignore=shutil.ignore_patterns("start.sh"))
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(kit.files / name, app / name)
    kit.phase("installing NocoDB's packages with npm")
    node_packages.install(kit, npm, app, "--omit=dev")
    _trim(kit, app / "node_modules")
    start = kit.root / "usr/src/appEntry/start.sh"
    start.parent.mkdir()
    shutil.copy2(kit.files / "docker/start.sh", start)
    return _VERSION


def _trim(kit: Kit, packages: Path) -> None:
    kit.phase("leaving out source maps and what the bundle never loads")
    kit.run(["find", packages, "-xtype", "l", "-delete"])
    kit.run(["find", packages, "-type", "f", "-name", "*.map", "-delete"])
    # Loaded on every start, and used by nobody whose database is PostgreSQL.
    sqlite = packages / "sqlite3"
    shutil.rmtree(sqlite)
    sqlite.mkdir()
    (sqlite / "index.js").write_text("module.exports = {};\n", encoding="utf-8")


RECIPE = Recipe(
    image=f"nocodb/nocodb:{_VERSION}",
    software="NocoDB",
    source=f"npm: nocodb; PyPI: {node_packages.NODE}; Debian: dumb-init, wget",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(node_packages.__file__),),
)
