"""restic, encrypted incremental backups, built from its Go module: its own command, as its image has it."""

from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "0.18.1"
_PROGRAM = "github.com/restic/restic/cmd/restic"


def assemble(kit: Kit) -> str:
    """Build the program, which is a tool of the module here."""
    program = kit.root / "usr/bin/restic"
    go_programs.build(kit, program, _PROGRAM)
    return _VERSION


RECIPE = Recipe(
    image=f"restic/restic:{_VERSION}",
    software="restic",
    source="Go module: github.com/restic/restic",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
)
