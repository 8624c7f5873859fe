"""docker compose v2 with the file that `homeport.render.compose` makes of the same blueprint."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from bench import material, tools
from bench.contestant import Contestant, environment
from homeport.render.compose import model

if TYPE_CHECKING:
    from pathlib import Path

    from bench.world import Stack


class Compose(Contestant):
    """`docker-compose up -d --wait`. The label with the files' fingerprint makes it replace a container whose files changed."""

    label = "docker compose"

    def __init__(self, stack: Stack, checkout: Path, folder: Path) -> None:
        super().__init__(stack, checkout, folder)
        self._binary = tools.compose()
        self._values = material.generate(stack.blueprint)
        # A configuration of its own, so that a Docker context of the user does not lead elsewhere than homeport's DOCKER_HOST.
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
        whole: dict[str, Any] = model(blueprint)
        prepared = material.prepared(blueprint)
        for name, service in whole["services"].items():
            service["pull_policy"] = "never"
            # Docker would give an empty volume the owner and mode of the image's folder.
            service["volumes"] = [
                f"{one}:nocopy" if one.partition(":")[0] in prepared else one for one in service.get("volumes", [])
            ]
            service["labels"] = {"homeport.bench": self.stack.name, "homeport.files": marks[name]}
        for name in prepared:
            whole["volumes"][name]["driver_opts"] = material.options(self.folder, name)
        # JSON is YAML; a `$` would begin a variable.
        (self.folder / "compose.yaml").write_text(json.dumps(whole, indent=1).replace("$", "$$"))
