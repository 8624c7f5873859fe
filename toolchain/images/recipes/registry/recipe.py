"""Distribution 3, the container registry, built from its Go module, with the store and the sign-in that are used here."""

import shutil
from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "3.1.2"
_CONFIG = """version: 0.1
storage:
  delete: {enabled: true}
  filesystem: {rootdirectory: /var/lib/registry}
http: {addr: ":5000"}
"""


def assemble(kit: Kit) -> str:
    """Build the registry, and lay out the folders of the official image."""
    # Not in /bin, as officially: the base's is a link, which a folder of that name would replace.
    program = kit.root / "usr/bin/registry"
    go_programs.build(kit, program)
    (kit.root / "etc/distribution").mkdir(parents=True)
    (kit.root / "etc/distribution/config.yml").write_text(_CONFIG, encoding="utf-8")
    (kit.root / "var/lib/registry").mkdir(parents=True)
    shutil.copy2(kit.files / "entrypoint.sh", kit.root / "entrypoint.sh")
    return _VERSION


RECIPE = Recipe(
    image=f"registry:{_VERSION}",
    software="Distribution",
    source="Go module: github.com/distribution/distribution/v3",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
)
