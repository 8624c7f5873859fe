"""Caddy 2.11 with its standard modules, built from its Go module."""

from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe

# VFS_CAP_REVISION_2 with the effective bit, and CAP_NET_BIND_SERVICE permitted: `man 7 capabilities`.
_NET_BIND_SERVICE = "\x01\x00\x00\x02" + "\x00\x04\x00\x00" + "\x00" * 12
_DEFAULT = ":80\n\nroot * /usr/share/caddy\nfile_server\n"


def assemble(kit: Kit) -> str:
    """Build Caddy, and lay out the folders of the official image."""
    program = kit.root / "usr/bin/caddy"
    go_programs.build(kit, program)
    kit.capabilities["usr/bin/caddy"] = _NET_BIND_SERVICE
    for folder in ("config/caddy", "data/caddy", "etc/caddy", "usr/share/caddy", "srv"):
        (kit.root / folder).mkdir(parents=True)
    (kit.root / "etc/caddy/Caddyfile").write_text(_DEFAULT, encoding="utf-8")
    (kit.root / "usr/share/caddy/index.html").write_text(
        "<!doctype html><title>Caddy works</title>\n", encoding="utf-8"
    )
    return kit.output([program, "version"]).split()[0]


RECIPE = Recipe(
    image="caddy:2.11.4-alpine",
    software="Caddy",
    source="Go module: github.com/caddyserver/caddy/v2",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
)
