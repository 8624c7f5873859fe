"""Tailscale 1.84, the mesh's client, built from its Go module: daemon and command line."""

import re
from pathlib import Path

from toolchain.images import go_programs
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe


def assemble(kit: Kit) -> str:
    """Build both programs, and put them where the official image has them."""
    version = _pinned(kit.files / "go.mod")
    # Without the stamps it calls itself 1.84.2-ERR-BuildInfo: https://github.com/tailscale/tailscale/blob/main/version/version.go
    stamps = " ".join(f"-X tailscale.com/version.{part}Stamp={version}" for part in ("long", "short"))
    folder = kit.root / "usr/local/bin"
    for program in ("tailscale", "tailscaled"):
        go_programs.build(kit, folder / program, f"tailscale.com/cmd/{program}", stamps)
    return kit.output([folder / "tailscale", "version"]).split()[0]


def _pinned(module: Path) -> str:
    """The version of Tailscale that `go.mod` asks for, without its `v`."""
    found: list[str] = re.findall(r"tailscale\.com v(\S+)", module.read_text(encoding="utf-8"))
    return found[0]


RECIPE = Recipe(
    image="tailscale/tailscale:v1.84.2",
    software="Tailscale",
    source="Go module: tailscale.com",
    assemble=assemble,
    folder=Path(__file__).parent,
    sources=(Path(go_programs.__file__),),
)
