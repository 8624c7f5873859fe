"""What a stack's file says that must be known before Pulumi runs: which system, on which host, from which images.

Everything else in it is checked by the program itself, which refuses all mistakes at once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from catalog.presets.registry import preset
from homeport.model.errors import ToolError

ROOT = Path(__file__).resolve().parents[2]
PROJECT = "homeport"


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack as its file describes it.

    Attributes:
        name: The stack's name.
        preset: Which system it is; empty when the file does not say.
        settings: The mapping below ``homeport:settings``, unchecked.
    """

    name: str
    preset: str
    settings: dict[str, Any]

    @property
    def environment(self) -> str:
        """dev, preprod or prod."""
        return str(self.settings.get("environment") or self.name)

    @property
    def exposure(self) -> str:
        """Which doors are open, as the program itself would take it."""
        usual = "local" if self.environment == "dev" else str(preset(self.preset).defaults.get("exposure", "direct"))
        return str(self.settings.get("exposure") or usual)

    @property
    def docker_host(self) -> str:
        """Where the Docker of the stack's first host answers, as the program itself names it; empty for this machine's."""
        hosts = self.settings.get("hosts")
        host: object = next((one for _, one in sorted(hosts.items())), {}) if isinstance(hosts, dict) else {}
        if isinstance(host, dict) and host.get("mode") == "adopt":
            return f"ssh://{host.get('user', 'root')}@{host.get('address')}:{host.get('port', 22)}"
        return os.environ.get("DOCKER_HOST", "") if self.local else ""

    @property
    def local(self) -> bool:
        """Whether all of its hosts are this machine."""
        hosts = self.settings.get("hosts")
        if not isinstance(hosts, dict):
            return True
        return all(isinstance(host, dict) and host.get("mode", "local") == "local" for host in hosts.values())

    def images(self) -> list[str]:
        """The references of all images that its services need, each once, in order.

        Raises:
            BlueprintError: The stack's preset is missing or unknown.
        """
        given = self.settings.get("services")
        overrides = given if isinstance(given, dict) else {}
        found = []
        for service in preset(self.preset).services:
            override = overrides.get(service.name)
            override = override if isinstance(override, dict) else {}
            if override.get("enabled", True):
                found.append(str(override.get("image", service.image)))
        if self.exposure == "tunnel":
            found += preset(self.preset).tools.values()
        return list(dict.fromkeys(found))


def read(name: str, root: Path = ROOT) -> Stack:
    """The stack of that name.

    Raises:
        ToolError: Its file is missing or is no YAML mapping.
    """
    path = root / f"Pulumi.{name}.yaml"
    if not path.is_file():
        there = ", ".join(sorted(one.name.split(".")[1] for one in root.glob("Pulumi.*.yaml"))) or "none"
        mend = f"name one with STACK=, or copy Pulumi.dev.yaml to {path.name}"
        raise ToolError(f"{path.name}: there is no such stack; there are: {there}\n  mend it: {mend}")
    try:
        said = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except yaml.YAMLError as error:
        # Only the place: the text beside it may be a secret.
        mark = getattr(error, "problem_mark", None)
        where = f"{path.name}:{mark.line + 1}" if mark else path.name
        raise ToolError(f"{where}: this is not valid YAML\n  mend it: edit {path.name}") from None
    config = said.get("config") if isinstance(said, dict) else None
    config = config if isinstance(config, dict) else {}
    settings = config.get(f"{PROJECT}:settings")
    return Stack(
        name=name,
        preset=str(config.get(f"{PROJECT}:preset") or ""),
        settings=settings if isinstance(settings, dict) else {},
    )
