"""Headscale 0.26, the mesh's control server, built from its Go module."""

from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe


def assemble(kit: Kit) -> str:
    """Build Headscale, and put it where the official image has it."""
    program = kit.root / "ko-app/headscale"
    go_programs.build(kit, program)
    return kit.output([program, "version"]).split()[0]


RECIPE = Recipe(
    image="headscale/headscale:0.26.1",
    software="Headscale",
    source="Go module: github.com/juanfont/headscale",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
)
