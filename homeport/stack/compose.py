"""The compose file that lies on a host."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pulumi

from components.host_unit import HostFiles, HostFilesArgs
from homeport.model import names
from homeport.model.template import ENV
from homeport.render.export import checkout, compose

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.secrets import Secrets
    from components.workload import Workload
    from homeport.model.blueprint import Blueprint
    from homeport.plan.hosts import HostPlan
    from homeport.stack.machines import Machine

ROOT = Path(__file__).parents[2]


def compose_files(
    blueprint: Blueprint,
    host: HostPlan,
    machine: Machine,
    secrets: Secrets,
    workloads: Mapping[str, Workload],
    *,
    opts: pulumi.ResourceOptions,
) -> None:
    """The same services as a compose file on the host, its secrets beside it, for the day without homeport.

    Pulumi stays the owner of the containers (docs/requirements.md, R-09). What the file mounts is there: the volumes
    that homeport made, those with a service's files by the names that their content gave them. So ``docker compose up``
    works on this host, and on no other.
    """
    here = replace(blueprint, services=host.services)
    volumes = {
        service.name: volume
        for service in host.services
        if (volume := workloads[service.name].files_volume) is not None
    }
    values: dict[str, pulumi.Input[str]] = {
        "compose": pulumi.Output.all(**volumes).apply(lambda files: compose.text(compose.model(here, dict(files)))),
        "secrets": pulumi.Output.all(**{name: secrets.values[name] for name in blueprint.secrets()}).apply(_lines),
    }
    args = HostFilesArgs(host=machine.host, files=compose.files(blueprint.preset), values=values, after=machine.ready)
    HostFiles(names.host_part(host.name, "compose"), args, opts)


def checkout_files(
    blueprint: Blueprint,
    host: HostPlan,
    machine: Machine,
    workloads: Mapping[str, Workload],
    *,
    after: tuple[pulumi.Resource, ...],
    opts: pulumi.ResourceOptions,
) -> pulumi.Resource | None:
    """The folder of the system's configuration, where the preset has one; to depend on.

    A compose file there names a container's files by their volume, as the one of ``compose_files`` does.
    """
    folder = blueprint.checkout
    if folder is None:
        return None
    here = replace(blueprint, services=host.services)
    volumes = {
        service.name: volume
        for service in host.services
        if (volume := workloads[service.name].files_volume) is not None
    }
    paths = tuple(checkout.compose_texts(here, folder, host.stack, {}))
    texts = pulumi.Output.all(**volumes).apply(
        lambda filled: [*checkout.compose_texts(here, folder, host.stack, dict(filled)).values()]
    )
    files = checkout.files(here, folder, ROOT, paths)
    ground = HostFiles(
        names.host_part(host.name, "checkout-ground"),
        HostFilesArgs(
            host=machine.host,
            files=(),
            values={},
            apply=checkout.ground(here, folder, files),
            remove=checkout.ground_removed(),
            after=(*machine.ready, *after),
        ),
        opts,
    )
    args = HostFilesArgs(
        host=machine.host,
        files=files,
        values={f"compose-{number}": texts[number] for number in range(len(paths))},
        apply=checkout.apply(here, folder),
        remove=checkout.remove(here, folder),
        after=(ground.ready,),
    )
    return HostFiles(names.host_part(host.name, "checkout"), args, opts).ready


def _lines(values: dict[str, str]) -> str:
    return "".join(f"{name.upper().replace('-', '_')}={ENV(value)}\n" for name, value in sorted(dict(values).items()))
