"""VictoriaMetrics of one node, the store of metrics, built from its Go module."""

from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

_VERSION = "v1.135.0"
_PACKAGE = "github.com/VictoriaMetrics/VictoriaMetrics/app/victoria-metrics"


def assemble(kit: Kit) -> str:
    """Build upstream's own command, which `go.mod` has as a tool, and put it where the official image has it."""
    program = kit.root / "victoria-metrics-prod"
    go_programs.build(kit, program, _PACKAGE)
    return _VERSION


RECIPE = Recipe(
    image=f"victoriametrics/victoria-metrics:{_VERSION}",
    software="VictoriaMetrics",
    source="Go module: github.com/VictoriaMetrics/VictoriaMetrics",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
)
