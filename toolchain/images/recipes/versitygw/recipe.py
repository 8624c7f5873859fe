"""versitygw, an S3 server on a folder that checks every signature, built from its Go module; the S3 of a rehearsal."""

from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "1.8.0"
_PROGRAM = "github.com/versity/versitygw/cmd/versitygw"


def assemble(kit: Kit) -> str:
    """Build the program, which is a tool of the module here."""
    program = kit.root / "usr/bin/versitygw"
    go_programs.build(kit, program, _PROGRAM)
    return _VERSION


RECIPE = Recipe(
    image=f"homeport/versitygw:{_VERSION}",
    software="versitygw",
    source="Go module: github.com/versity/versitygw",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
)
