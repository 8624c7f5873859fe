"""The stack that others join, under its own names, on this machine's Docker."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from tests.support import subnets
from tests.support.scratch import Scratch

if TYPE_CHECKING:
    from pathlib import Path

SERVICES = ("caddy", "infisical-backend", "infisical-db", "infisical-redis", "redis")


def free_port() -> int:
    """A port of the loopback address that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Shared(Scratch):
    """Its own names, for other stacks know it by them; a subnet and ports of the edge that are free."""

    def __init__(self, folder: Path, **settings: object) -> None:
        super().__init__(
            folder,
            preset="shared-infrastructure",
            services={},
            namespace="",
            networks={"ai-network": f"{subnets.block('10.212')}.0/24"},
            edge={"http_port": free_port(), "https_port": free_port()},
            **settings,
        )
