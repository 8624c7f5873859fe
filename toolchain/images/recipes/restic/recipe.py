"""restic, encrypted incremental backups, built from its Go module: its own command, as its image has it."""

from pathlib import Path

from toolchain.images import store
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "0.18.1"
_PROGRAM = "github.com/restic/restic/cmd/restic"


def assemble(kit: Kit) -> str:
    """Build the program, which is a tool of the module here."""
    program = kit.root / "usr/bin/restic"
    program.parent.mkdir(parents=True)
    go = kit.need("go", "apt-get install golang  # or a newer Go, if go.mod asks for one")
    caches = store.cache_root() / "go"
    env = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(caches / "build"),
        "GOMODCACHE": str(caches / "mod"),
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    }
    kit.phase("fetching Go modules and compiling")
    kit.run([go, "build", "-ldflags", "-s -w", "-o", program, _PROGRAM], cwd=kit.files, env=env)
    return _VERSION


RECIPE = Recipe(
    image=f"restic/restic:{_VERSION}",
    software="restic",
    source="Go module: github.com/restic/restic",
    assemble=assemble,
    folder=Path(__file__).parent,
)
