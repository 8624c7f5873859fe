"""The stack vps-infrastructure, under its own names, on this machine's Docker."""

from __future__ import annotations

from typing import TYPE_CHECKING

from catalog.presets.vps_infrastructure.preset import PRESET
from tests.support import subnets
from tests.support.scratch import Scratch, free_port

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

AIRFLOW = ("airflow", "airflow-db")
SERVICES = tuple(sorted(service.name for service in PRESET.services if service.name not in AIRFLOW))
"""What runs in dev: Airflow does not."""


class Platform(Scratch):
    """Its own names, for its containers find each other by them; subnets and ports that are free."""

    def __init__(self, folder: Path, **settings: object) -> None:
        block = subnets.block("10.233")
        ports = {
            service.name: {"port": free_port()}
            for service in PRESET.services
            if not service.edge and service.name not in AIRFLOW and any(port.at == "here" for port in service.ports)
        }
        super().__init__(
            folder,
            preset=PRESET.name,
            namespace="",
            services=ports,
            networks={network.name: f"{block}.{32 * number}/27" for number, network in enumerate(PRESET.networks)},
            edge={"http_port": free_port(), "https_port": free_port()},
            **settings,
        )

    def up(self) -> subprocess.CompletedProcess[str]:
        """As before; twenty containers start, one wave after the other."""
        return self.pulumi("up", "--yes", "--skip-preview", timeout=1200)

    def port(self, service: str) -> int:
        """The number of a service's port on the loopback address."""
        return int(self.settings["services"][service]["port"])
