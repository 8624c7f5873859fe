"""Pebble: Let's Encrypt's own small ACME server for tests, built from its Go module; the authority of a rehearsal."""

from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "2.10.3"
_PROGRAM = "github.com/letsencrypt/pebble/v2/cmd/pebble"


def assemble(kit: Kit) -> str:
    """Build the program, which is a tool of the module here."""
    program = kit.root / "usr/bin/pebble"
    go_programs.build(kit, program, _PROGRAM)
    return _VERSION


RECIPE = Recipe(
    image=f"homeport/pebble:{_VERSION}",
    software="Pebble",
    source="Go module: github.com/letsencrypt/pebble/v2",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
)
