"""A stub in Portainer's place, which no package registry has: it lets nobody in without the admin's password."""

from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe


def assemble(kit: Kit) -> str:
    """Compile the stub to where the real image has its program."""
    (kit.root / "data").mkdir(parents=True)
    go_programs.build(kit, kit.root / "portainer")
    return ""


RECIPE = Recipe(
    image="portainer/portainer-ce:2.45.1",
    software="Portainer, its status and sign-in only",
    source="none",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
    kind="stub",
)
