"""The stack vpai, under its own names, on this machine's Docker."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from catalog.presets.vpai.preset import PRESET
from tests.support import subnets
from tests.support.one_machine import elsewhere, supplied
from tests.support.scratch import Scratch, free_port

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

SERVICES = tuple(sorted({service.name for service in PRESET.services} - elsewhere(PRESET.name)))
"""What runs in dev: no mesh, and one proxy."""


class Vpai(Scratch):
    """Its own names, for its containers find each other by them; subnets and ports of the proxy that are free."""

    def __init__(self, folder: Path, **settings: object) -> None:
        block = subnets.block("10.234")
        super().__init__(
            folder,
            preset=PRESET.name,
            namespace="",
            services={},
            networks={network.name: f"{block}.{32 * number}/27" for number, network in enumerate(PRESET.networks)},
            edge={"http_port": free_port(), "https_port": free_port()},
            **settings,
        )
        pairs = (word for name, value in supplied(PRESET.name).items() for word in ("--secret", f"{name}={value}"))
        done = self.pulumi("config", "set-all", *pairs)
        assert done.returncode == 0, done.stderr

    def up(self) -> subprocess.CompletedProcess[str]:
        """As before; eighteen containers start, one wave after the other."""
        return self.pulumi("up", "--yes", "--skip-preview", timeout=1200)

    def credentials(self) -> dict[str, str]:
        """The stack's secrets."""
        shown: dict[str, str] = json.loads(
            self.pulumi("stack", "output", "credentials", "--json", "--show-secrets").stdout
        )
        return shown
