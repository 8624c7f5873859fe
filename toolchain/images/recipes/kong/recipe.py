"""Kong, whose packages no registry here has: a stub that reads its declarative configuration and does what that says.

So it is seen whether a path asks for a key, and where it leads. Of Kong's plugins it has those that the catalog names,
and of each what the catalog says of it; what it does not know it refuses, as Kong refuses an unknown field.
"""

import shutil
from pathlib import Path

from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.sources import apt


def assemble(kit: Kit) -> str:
    """Debian's Python with a YAML parser, and the gateway under the name of Kong's own program."""
    apt.unpack(kit, apt.fetch(kit, "python3.11", "python3-yaml"), kit.root)
    interpreter = kit.root / "usr/bin/python3"
    if not interpreter.is_symlink():
        interpreter.symlink_to("python3.11")
    programs = kit.root / "usr/local/bin"
    programs.mkdir(parents=True)
    shutil.copy2(kit.files / "gateway.py", programs / "kong")
    (programs / "kong").chmod(0o755)
    return ""


RECIPE = Recipe(
    image="kong/kong:3.9.3",
    software="Kong, its routes, keys, groups and passwords only",
    source="Debian: python3.11, python3-yaml",
    assemble=assemble,
    folder=Path(__file__).parent,
    kind="stub",
)
