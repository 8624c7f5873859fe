"""cAdvisor, the metrics of containers: its library out of its Go module, behind a command as its own.

The command is a module of its own (`cmd/` of the same repository), which no module proxy has.
"""

from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "0.55.1"


def assemble(kit: Kit) -> str:
    """Build it, and put it where the official image has it."""
    program = kit.root / "usr/bin/cadvisor"
    go_programs.build(kit, program)
    return _VERSION


RECIPE = Recipe(
    image=f"ghcr.io/google/cadvisor:{_VERSION}",
    software="cAdvisor: what it reads of containers, without its pages",
    source="Go module: github.com/google/cadvisor",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
)
