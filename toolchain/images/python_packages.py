"""Python packages with all that they need, by pip as this machine has it set up; each pinned by its hash.

Beside `sources`, not in it: what is there is part of every image's fingerprint, and this is part of two.
"""

import platform
import sys
from pathlib import Path

from toolchain.images import store
from toolchain.images.errors import ImageError
from toolchain.images.kit import Kit

SITE = "usr/local/lib/python3.11/dist-packages"
"""Where Debian's interpreter looks for what is not Debian's."""
_MACHINE = "x86_64"
_GLIBC = ("_2_28", "_2_27", "_2_24", "_2_17", "2014", "_2_12", "2010", "_2_5", "1")
"""Versions of the C library that wheels ask for, as their names have them: bookworm's is newer than all of them."""


def install(kit: Kit, requirements: Path, commands: dict[str, str]) -> None:
    """Install a list of packages below the image's root, as wheels, and write their commands.

    Args:
        kit: The build's workbench.
        requirements: The list, with the versions and hashes of all of them.
        commands: Name of a command to `module:function`.

    Raises:
        ImageError: pip failed, or this machine isn't of the one kind that the pins are for.
    """
    if platform.machine() != _MACHINE:
        raise ImageError(kit.image, f"its wheels are pinned for {_MACHINE} only, and this is {platform.machine()}")
    kit.phase("fetching packages from PyPI")
    kit.run([
        sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:",
        "--no-compile", "--disable-pip-version-check", "--cache-dir", store.folder("pip"),
        "--python-version", "3.11", "--implementation", "cp",
        *(word for version in _GLIBC for word in ("--platform", f"manylinux{version}_{_MACHINE}")),
        "--target", kit.root / SITE, "--requirement", requirements,
    ])  # fmt: skip
    # Their scripts would call this machine's interpreter.
    kit.run(["rm", "-rf", kit.root / SITE / "bin"])
    programs = kit.root / "usr/local/bin"
    programs.mkdir(parents=True)
    for name, function in commands.items():
        module, _, called = function.partition(":")
        lines = ("#!/usr/local/bin/python", "import sys", f"from {module} import {called}", f"sys.exit({called}())")
        program = programs / name
        program.write_text("\n".join(lines) + "\n", encoding="utf-8")
        program.chmod(0o755)
