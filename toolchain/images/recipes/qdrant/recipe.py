"""A stub in Qdrant's place, which no package registry has: collections can be made and asked for, vectors cannot be stored."""

import shutil
from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe


def assemble(kit: Kit) -> str:
    """Compile the stub, and lay it out where the real image has its program."""
    home = kit.root / "qdrant"
    for folder in ("storage", "snapshots"):
        (home / folder).mkdir(parents=True)
    go_programs.build(kit, home / "qdrant")
    start = home / "entrypoint.sh"
    shutil.copy2(kit.files / "entrypoint.sh", start)
    start.chmod(0o755)
    return ""


def _recipe(tag: str) -> Recipe:
    return Recipe(
        image=f"qdrant/qdrant:{tag}",
        software="Qdrant, its port 6333, health check and list of collections only",
        source="none",
        assemble=assemble,
        folder=Path(__file__).parent,
        sources=(Path(go_programs.__file__),),
        kind="stub",
    )


RECIPES = tuple(_recipe(tag) for tag in ("v1.19.1", "v1.16.3"))
