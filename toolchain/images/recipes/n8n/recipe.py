"""n8n out of npm, on the Node.js that a PyPI wheel ships.

pnpm installs by our lock file and runs no package's scripts, so that modules which would be compiled or downloaded then
are missing: SQLite above all, which makes PostgreSQL the only database of this image.
"""

import shutil
from pathlib import Path

from toolchain.images import node_packages, store
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt

_VERSION = "2.38.7"
_ALIEN = ("darwin-*", "win32-*", "linux-arm64*", "linux-arm", "*-musl")


def assemble(kit: Kit) -> str:
    """Install n8n below `/usr/local/lib/n8n` and leave out what never runs."""
    npm = node_packages.lay_node(kit)
    apt.unpack(kit, apt.fetch(kit, "tini"), kit.root)
    shutil.copy2(kit.files / "docker-entrypoint.sh", kit.root / "docker-entrypoint.sh")
    home = kit.root / "usr/local/lib/n8n"
    home.mkdir(parents=True)
    _install(kit, npm, home)
    _trim(kit, home)
    (kit.root / "usr/local/bin/n8n").symlink_to("/usr/local/lib/n8n/node_modules/n8n/bin/n8n")
    return _VERSION


def _install(kit: Kit, npm: Path, home: Path) -> None:
    kit.phase("fetching pnpm from npm")
    pnpm = kit.work / "pnpm"
    shutil.copytree(kit.files / "pnpm", pnpm)
    caches = store.folder("npm")
    env = {
        "PATH": f"{kit.root / 'usr/local/bin'}:/usr/bin:/bin",
        "npm_config_cache": str(caches / "npm"),
        "XDG_CACHE_HOME": str(caches / "cache"),
        "XDG_DATA_HOME": str(caches / "data"),
        "XDG_STATE_HOME": str(caches / "state"),
    }
    node_packages.install(kit, npm, pnpm)
    kit.phase("installing n8n's 1959 packages with pnpm")
    for name in ("package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml"):
        shutil.copy2(kit.files / name, home / name)
    program = pnpm / "node_modules/@pnpm/exe.linux-x64/pnpm"
    kit.run(
        [program, "install", "--prod", "--frozen-lockfile", "--ignore-scripts", "--reporter", "append-only",
         "--store-dir", caches / "store"],
        cwd=home, env=env,
    )  # fmt: skip


def _trim(kit: Kit, home: Path) -> None:
    """Leave out what n8n never loads: source maps, sources of compiled files, binaries for other systems."""
    kit.phase("leaving out source maps, sources and other systems' binaries")
    kit.run(["find", home, "-type", "f", *_any_of("map", "tsbuildinfo", "flow", "exe"), "-delete"])
    # n8n's own packages may read theirs: the editor and the workflow builder show type declarations.
    others = ["!", "-path", "*/node_modules/n8n*/*", "!", "-path", "*/node_modules/@n8n/*"]
    kit.run(["find", home, "-type", "f", *_any_of("ts", "mts", "cts", "c", "cc", "h"), *others, "-delete"])
    for prebuilds in home.glob("node_modules/.pnpm/*/node_modules/**/prebuilds"):
        for alien in (path for pattern in _ALIEN for path in prebuilds.glob(pattern)):
            shutil.rmtree(alien, ignore_errors=True)


def _any_of(*endings: str) -> list[str]:
    """The words of `find` that ask for any of these file name endings."""
    words = [word for ending in endings for word in ("-o", "-name", f"*.{ending}")]
    return ["(", *words[1:], ")"]


RECIPE = Recipe(
    image=f"n8nio/n8n:{_VERSION}",
    software="n8n",
    source=f"npm: n8n; PyPI: {node_packages.NODE}; Debian: tini",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(node_packages.__file__),),
)
