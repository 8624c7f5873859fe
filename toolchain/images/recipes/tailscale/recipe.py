"""Tailscale 1.84, the mesh's client, built from its Go module: daemon and command line."""

import re
from pathlib import Path

from toolchain.images import store
from toolchain.images.kit import Kit
from toolchain.images.recipe import Recipe


def assemble(kit: Kit) -> str:
    """Build both programs, and put them where the official image has them.

    They are the module's own `main` packages, which no `main.go` of ours could import, hence not `golang.build`.
    """
    go = kit.need("go", "apt-get install golang  # or a newer Go, if go.mod asks for one")
    caches = store.cache_root() / "go"
    env = {
        "CGO_ENABLED": "0",
        "GOCACHE": str(caches / "build"),
        "GOMODCACHE": str(caches / "mod"),
        "GOFLAGS": "-mod=readonly -trimpath -buildvcs=false",
    }
    version = _pinned(kit.files / "go.mod")
    # Without the stamps it calls itself 1.84.2-ERR-BuildInfo: https://github.com/tailscale/tailscale/blob/main/version/version.go
    stamps = " ".join(f"-X tailscale.com/version.{part}Stamp={version}" for part in ("long", "short"))
    folder = kit.root / "usr/local/bin"
    folder.mkdir(parents=True)
    kit.phase("fetching Go modules and compiling")
    for program in ("tailscale", "tailscaled"):
        package = f"tailscale.com/cmd/{program}"
        kit.run([go, "build", "-ldflags", f"-s -w {stamps}", "-o", folder / program, package], cwd=kit.files, env=env)
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
)
