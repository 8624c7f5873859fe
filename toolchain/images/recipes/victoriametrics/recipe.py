"""VictoriaMetrics of one node, the store of metrics, built from its Go module."""

from pathlib import Path

from toolchain.images import store
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "v1.135.0"
_PACKAGE = "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics"


def assemble(kit: Kit) -> str:
    """Build upstream's own command, which `go.mod` has as a tool, and put it where the official image has it."""
    go = kit.need("go", "apt-get install golang  # or a newer Go, if go.mod asks for one")
    caches = store.cache_root() / "go"
    env = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(caches / "build"),
        "GOMODCACHE": str(caches / "mod"),
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    }
    kit.phase("fetching Go modules and compiling")
    program = kit.root / "victoria-metrics-prod"
    kit.run([go, "build", "-ldflags", "-s -w", "-o", program, _PACKAGE], cwd=kit.files, env=env)
    return _VERSION


RECIPE = Recipe(
    image=f"victoriametrics/victoria-metrics:{_VERSION}",
    software="VictoriaMetrics",
    source="Go module: github.com/VictoriaMetrics/VictoriaMetrics",
    assemble=assemble,
    folder=Path(__file__).parent,
)
