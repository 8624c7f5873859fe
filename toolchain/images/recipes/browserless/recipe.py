"""Browserless out of npm, on the Node.js that a PyPI wheel ships, with Debian's Chromium in place of Playwright's.

No package script runs, and left out is what only people look at: the debugger, the developer tools, the blocker of
advertisements, fonts beside Liberation's. There is no screen for browsers that are not headless.
"""

import shutil
from pathlib import Path

from toolchain.images import node_packages
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt

_VERSION = "2.42.0"
_APP = "usr/src/app"
_BROWSERS = "usr/local/bin/playwright-browsers"
# The ways to other browsers are not in the official image either, and none of them starts without its browser.
_OTHERS = tuple(f"build/routes/{browser}" for browser in ("chrome", "edge", "firefox", "webkit"))
_LEFT_OUT = (*_OTHERS, "static/debugger", "static/devtools", "extensions", "fonts", "src", "docker", "assets", "bin")


def assemble(kit: Kit) -> str:
    """Install Browserless where the official image has it, and Chromium where its Playwright looks for one."""
    npm = node_packages.lay_node(kit)
    _install(kit, npm)
    debs = apt.fetch(kit, "chromium", "fonts-liberation")
    kit.phase("unpacking Chromium")
    apt.unpack(kit, debs, kit.root)
    kit.run(["rm", "-rf", kit.root / "usr/share/icons", kit.root / "usr/share/locale", kit.root / "usr/share/help"])
    _link_browser(kit)
    return f"{_VERSION}, Chromium {apt.version(kit, debs, 'chromium')}"


def _install(kit: Kit, npm: Path) -> None:
    kit.phase("installing Browserless from npm")
    app = kit.root / _APP
    packages = kit.work / "packages"
    packages.mkdir()
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(kit.files / name, packages / name)
    node_packages.install(kit, npm, packages, "--omit=dev", "--omit=optional")
    # Where its own image has it, a program and no dependency: it finds itself by its name all the same.
    shutil.move(packages / "node_modules/@browserless.io/browserless", app)
    shutil.move(packages / "node_modules", app / "node_modules")
    for name in _LEFT_OUT:
        kit.run(["rm", "-rf", app / name])
    kit.run(["find", app, "-name", "*.map", "-delete"])
    (app / "extensions/ublocklite").mkdir(parents=True)
    shutil.copy2(kit.files / "start.sh", app / "scripts/start.sh")


def _link_browser(kit: Kit) -> None:
    """Put Debian's browser where Playwright's own would be: it computes the path and asks nobody."""
    path = kit.output(
        [
            kit.root / "usr/local/bin/node",
            "-p",
            f"require('{kit.root / _APP}/node_modules/playwright-core').chromium.executablePath()",
        ],
        env={"PLAYWRIGHT_BROWSERS_PATH": f"/{_BROWSERS}"},
    )
    link = kit.root / path.removeprefix("/")
    link.parent.mkdir(parents=True)
    link.symlink_to("/usr/bin/chromium")


RECIPE = Recipe(
    image=f"ghcr.io/browserless/chromium:v{_VERSION}",
    software="Browserless",
    source=f"npm: @browserless.io/browserless; PyPI: {node_packages.NODE}; Debian: chromium, fonts-liberation",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(node_packages.__file__),),
)
