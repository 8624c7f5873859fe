"""The compose file that lies on a host."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pulumi

from components.host_unit import HostFiles, HostFilesArgs
from homeport.model import names
from homeport.model.host import HostFile
from homeport.render.compose import compose

if TYPE_CHECKING:
    from components.secrets import Secrets
    from homeport.model.blueprint import Blueprint
    from homeport.plan.hosts import HostPlan
    from homeport.stack.machines import Machine


def compose_files(
    blueprint: Blueprint, host: HostPlan, machine: Machine, secrets: Secrets, opts: pulumi.ResourceOptions
) -> None:
    """The same services as a compose file on the host, its secrets beside it: to read, and for the day on which homeport is gone.

    Pulumi stays the owner of the containers (requirements, C-09); ``make export`` writes the folders that the file mounts.
    """
    folder = f"/opt/{blueprint.preset}"
    values: dict[str, pulumi.Input[str]] = {
        "compose": compose(replace(blueprint, services=host.services)),
        "secrets": pulumi.Output.all(**{name: secrets.values[name] for name in blueprint.secrets()}).apply(_lines),
    }
    files = (
        HostFile(path=f"{folder}/docker-compose.yml", content="{compose}", template=True),
        HostFile(path=f"{folder}/.env", content="{secrets}", mode=0o600, template=True),
    )
    args = HostFilesArgs(host=machine.host, files=files, values=values, after=machine.ready)
    HostFiles(names.host_part(host.name, "compose"), args, opts)


def _lines(values: dict[str, str]) -> str:
    return "".join(f"{name.upper().replace('-', '_')}={value}\n" for name, value in sorted(values.items()))
