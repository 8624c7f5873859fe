"""Programs out of Go modules, by this machine's own Go; its module and build caches are kept in the product's cache.

Beside `sources`, not in it: what is there is part of every image's fingerprint, and this is part of Go programs' alone.
"""

from pathlib import Path

from toolchain.images import store
from toolchain.images.kit import Kit


def build(kit: Kit, into: Path, package: str = ".", flags: str = "") -> None:
    """Build a program of the module whose `go.mod` and `go.sum` are in the recipe's folder, linked statically.

    Args:
        kit: The build's workbench.
        into: The program's path; folders above it are made.
        package: The program's package: the folder's own `main.go`, or one of a module that `go.mod` names as a tool.
        flags: More for the linker.

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
    into.parent.mkdir(parents=True, exist_ok=True)
    kit.phase("fetching Go modules and compiling")
    kit.run([go, "build", "-ldflags", f"-s -w {flags}".strip(), "-o", into, package], cwd=kit.files, env=env)
