"""What Caddy with OVH's module stands on, where images cannot be pulled: built from the module in apps/caddy_ovh.

Where a build can fetch images and modules itself, `apps/caddy_ovh/runtime.Dockerfile` makes the same.
"""

from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe
from toolchain.images.recipes.caddy import recipe as caddy

_MODULE = Path(__file__).parents[4] / "apps/caddy_ovh"


def assemble(kit: Kit) -> str:
    """As Caddy itself, of another module."""
    kit.files = _MODULE
    return caddy.assemble(kit)


RECIPE = Recipe(
    image="homeport/caddy-ovh:2.11.4",
    software="Caddy with DNS-01 at OVH",
    source="Go modules: github.com/caddyserver/caddy/v2, github.com/caddy-dns/ovh",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(
        Path(go_programs.__file__),
        Path(caddy.__file__),
        *(_MODULE / name for name in ("go.mod", "go.sum", "main.go")),
    ),
)
