"""The distributions that hosts may have. `components/scripts/ready.sh` reads the same list."""

from __future__ import annotations

from functools import cache
from pathlib import Path


@cache
def supported() -> dict[str, str]:
    """Those that are tried: ``<id>-<version>`` of their os-release, also the name of Hetzner's image, to their name."""
    lines = (Path(__file__).parent / "supported").read_text(encoding="utf-8").splitlines()
    return {key: name for key, _, name in (line.partition(" ") for line in lines)}
