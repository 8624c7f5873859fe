"""Caddy with the module that answers DNS-01 challenges at OVH; no registry has such an image, so this is its only source.

The module's version is the newest of its Go module. Its go.sum was taken without the public checksum database, which
could not be asked for it; its code is that of the tagged source (caddy-dns/ovh, ovh.go).
"""

from pathlib import Path

from toolchain.images.recipe import Recipe
from toolchain.images.recipes.caddy import recipe as caddy

RECIPE = Recipe(
    image="homeport/caddy-ovh:2.11.4",
    software="Caddy with DNS-01 at OVH",
    source="Go modules: github.com/caddyserver/caddy/v2, github.com/caddy-dns/ovh",
    assemble=caddy.assemble,
    folder=Path(__file__).parent,
    sources=(Path(caddy.__file__),),
)
