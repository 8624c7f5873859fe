"""docker compose v2 with the file that `homeport.render.export.compose` makes of the same blueprint."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from bench import material, tools
from bench.contestant import Contestant, environment
from homeport.model import names
from homeport.render.export.compose import model

if TYPE_CHECKING:
    from pathlib import Path

    from bench.world import Stack


class Compose(Contestant):
    """`docker-compose up -d --wait`. A label with the files' fingerprint replaces a container whose files changed."""

    label = "docker compose"

    def __init__(self, stack: Stack, checkout: Path, folder: Path) -> None:
        super().__init__(stack, checkout, folder)
        self._binary = tools.compose()
        self._values = material.generate(stack.blueprint)
        # A configuration of its own: a Docker context of the user must not lead elsewhere than homeport's DOCKER_HOST.
        self._environ = environment(DOCKER_CONFIG=str(folder))
        shutil.rmtree(folder / "volumes", ignore_errors=True)
        self._prepare()

    def versions(self) -> dict[str, str]:
        """Its own word."""
        return {"docker compose": self.run(str(self._binary), "version", "--short", env=self._environ).strip()}

    def preview(self) -> None:
        """`docker-compose --dry-run up -d`."""
        self._prepare()
        self._compose("--dry-run", "up", "-d")

    def up(self, how: str = "") -> None:
        """`docker-compose up -d --wait`, with the files written before it."""
        del how
        self._prepare()
        self._compose("up", "-d", "--wait")

    def destroy(self) -> None:
        """`docker-compose down --volumes`."""
        self._compose("down", "--volumes")
        shutil.rmtree(self.folder / "volumes", ignore_errors=True)

    def _compose(self, *argv: str) -> None:
        self.run(str(self._binary), "-f", "compose.yaml", *argv, env=self._environ, cwd=self.folder)

    def _prepare(self) -> None:
        blueprint = self.stack.blueprint
        marks = material.write(blueprint, self.checkout, self.folder, self._values)
        whole = model(blueprint, {service.name: f"./files/{service.name}" for service in blueprint.services})
        prepared = material.prepared(blueprint)
        servers = {database.server for database in blueprint.databases}
        for name, service in whole["services"].items():
            service["pull_policy"] = "never"
            # Docker would give an empty volume the owner and mode of the image's folder.
            service["volumes"] = [
                f"{mount}:nocopy" if mount.partition(":")[0] in prepared else mount
                for mount in service.get("volumes", [])
            ]
            if name in servers:
                service["volumes"].append(f"./initdb/{name}:/docker-entrypoint-initdb.d:ro")
            service["labels"] = {"homeport.bench": self.stack.name, "homeport.files": marks[name]}
        # Compose makes networks and volumes here, and removes them.
        whole["volumes"] = {name: {"name": name} for name in whole["volumes"]}
        for name in prepared:
            whole["volumes"][name]["driver_opts"] = material.options(self.folder, name)
        whole["networks"] = {
            (name := names.physical(blueprint.namespace, network.name)): {
                "name": name,
                "internal": network.internal,
                "ipam": {"config": [{"subnet": network.subnet}]},
            }
            for network in blueprint.networks
        }
        # JSON is YAML; a `$` would begin a variable.
        (self.folder / "compose.yaml").write_text(json.dumps(whole, indent=1).replace("$", "$$"))
