"""versitygw, an S3 server on a folder that checks every signature, built from its Go module; the S3 of a rehearsal."""

from pathlib import Path

from toolchain.images import store
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "1.8.0"
_PROGRAM = "github.com/versity/versitygw/cmd/versitygw"


def assemble(kit: Kit) -> str:
    """Build the program, which is a tool of the module here."""
    program = kit.root / "usr/bin/versitygw"
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
    image=f"homeport/versitygw:{_VERSION}",
    software="versitygw",
    source="Go module: github.com/versity/versitygw",
    assemble=assemble,
    folder=Path(__file__).parent,
)
