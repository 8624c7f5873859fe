"""Programs out of Go modules, by this machine's own Go; its module and build caches are kept in the product's cache."""

from pathlib import Path

from toolchain.images import store
from toolchain.images.kit import Kit


def build(kit: Kit, module: Path, into: Path) -> None:
    """Build the program in a folder that holds `go.mod`, `go.sum` and `main.go`, linked statically.

    Args:
        kit: the build's workbench.
        module: the folder; it isn't written to.
        into: the program's path.

    Raises:
        ImageError: Go isn't there, a module's checksum differs, or the build failed.
    """
    go = kit.need("go", "apt-get install golang  # or a newer Go, if go.mod asks for one")
    caches = store.cache_root() / "go"
    env = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(caches / "build"),
        "GOMODCACHE": str(caches / "mod"),
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    }
    kit.phase("fetching Go modules and compiling")
    kit.run([go, "build", "-ldflags", "-s -w", "-o", into, "."], cwd=module, env=env)
