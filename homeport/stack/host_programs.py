"""The programs of a host, each after the services that it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from components.host_program import HostProgram, HostProgramArgs, HostPrograms, HostProgramsArgs
from homeport.model import names

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from components.secrets import Secrets
    from components.workload import Workload
    from homeport.model.blueprint import Blueprint
    from homeport.plan.hosts import HostPlan
    from homeport.stack.hosts import HostResources


def host_programs(
    blueprint: Blueprint,
    host: HostPlan,
    there: HostResources,
    secrets: Secrets,
    workloads: Mapping[str, Workload],
) -> tuple[pulumi.Resource, ...]:
    """Registers them; to depend on."""
    ready: list[pulumi.Resource] = []
    texts = blueprint.texts()
    ground = HostPrograms(
        names.host_part(host.name, "programs"),
        HostProgramsArgs(
            host=there.host, programs=host.programs, texts=texts, keep=host.protect, after=there.machine.ready
        ),
        there.opts,
    )
    for program in host.programs:
        args = HostProgramArgs(
            host=there.host,
            program=program,
            texts=texts,
            secrets={name: secrets.values[name] for name in program.names if name not in texts},
            after=(ground.ready, *(workloads[need].ready for need in program.needs)),
        )
        ready.append(HostProgram(names.host_part(host.name, f"program-{program.name}"), args, there.opts).ready)
    return tuple(ready)
