"""A machine that somebody lives on, adopted by a stack of its own with the real program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.presets.ai_orchestrator.services import POSTGRES, REDIS
from homeport.cli.stack import read
from tests.support.adopted import Adopted
from tests.support.checkout import ROOT
from tests.support.scratch import LIGHT, Scratch, docker
from toolchain.images.ensure import ensure

if TYPE_CHECKING:
    from pathlib import Path

IMAGE = "homeport/redis:7-here"
SERVICES = {
    "ai-executor": {"enabled": False},
    # By tags whose digests nobody knows: a machine's Docker is given its images by name, and reaches no registry.
    "ai-postgres": {"image": "homeport/pgvector:pg16-here"},
    "ai-redis": {"image": IMAGE},
}


DATA = "/srv/platform/data"
"""The folder below which the stack has all its data."""


class LivedIn(Adopted):
    """The machine, and the stack."""

    def __init__(self, folder: Path) -> None:
        stack = Scratch(folder, services=LIGHT | SERVICES)
        # The catalog's own under names of the test: a stub may stand in for other tags of their repositories here.
        for service, name in ((POSTGRES, "ai-postgres"), (REDIS, "ai-redis")):
            ensure([service.image])
            docker("tag", service.image, SERVICES[name]["image"])
        super().__init__(folder, stack, [*read(stack.name, stack.folder).images(), IMAGE])
        self.inside("until docker version >/dev/null 2>&1; do sleep 0.2; done")
        stack.configure(
            domain="example.com", exposure="vpn", wireguard={"peers": {"laptop": {"slot": 7}}}, data_folder=DATA
        )
        self.inside('mkdir -p "$1"; echo theirs >"$1/file"', f"{DATA}/{stack.name}-ai-redis-redis")
        script = (ROOT / "rehearsal/machine/lived_in.sh").read_text()
        self.inside(script, IMAGE, f"{stack.name}-ai-redis-redis")

    def inventory(self) -> set[str]:
        """All that is there."""
        return {*self.inside((ROOT / "tests/support/inventory.sh").read_text()).splitlines()}

    def laid(self) -> list[str]:
        """The paths that homeport has in its hands there, as it notes them itself."""
        script = "cat /var/lib/homeport/units/*/list | cut -d' ' -f4-; cat /var/lib/homeport/units/*/also"
        return self.inside(script).splitlines()
