"""What a stack shows: its services with where they answer, its hosts, and, as secrets, how to get in."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import pulumi

from homeport.model import template
from homeport.model.sign_in import access, doors

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from components.secrets import Secrets
    from components.workload import Workload
    from homeport.model.blueprint import Blueprint
    from homeport.model.host_program import HostProgram
    from homeport.model.service import Service
    from homeport.stack.hosts import HostResources


def export(
    blueprint: Blueprint,
    hosts: Mapping[str, HostResources],
    workloads: Mapping[str, Workload],
    secrets: Secrets,
    ingress: Mapping[str, pulumi.Input[object]],
    *,
    next_steps: pulumi.Input[list[str]],
) -> None:
    """Exports all outputs; ``ingress`` has those of the tunnel, ``next_steps`` what is left for a person to do."""
    pulumi.export("preset", blueprint.preset)
    pulumi.export("environment", blueprint.environment)
    services = {service.name: _service(blueprint, service, workloads[service.name]) for service in blueprint.services}
    pulumi.export("services", services)
    pulumi.export("doors", [asdict(door) for door in doors(blueprint)])
    pulumi.export("skipped", list(blueprint.skipped))
    pulumi.export("next_steps", next_steps)
    if blueprint.programs:
        pulumi.export("programs", dict(_programs(blueprint)))
    addresses = {name: dict(host.machine.exports) for name, host in hosts.items() if host.machine.exports}
    if addresses:
        pulumi.export("hosts", addresses)
    for host in hosts.values():
        if host.machine.client_configs:
            pulumi.export("client_configs", pulumi.Output.secret(host.machine.client_configs))
    for name, value in ingress.items():
        pulumi.export(name, value)
    credentials = {name: secrets.values[name] for name in blueprint.secrets()}
    if blueprint.connections:
        filled = pulumi.Output.all(**blueprint.texts(), **credentials).apply(
            lambda values: {
                name: template.fill(text, values, template.URL) for name, text in blueprint.connections.items()
            }
        )
        pulumi.export("connections", pulumi.Output.secret(filled))
    pulumi.export("credentials", pulumi.Output.secret(credentials))


def _programs(blueprint: Blueprint) -> Iterator[tuple[str, dict[str, str | list[str]]]]:
    for program in blueprint.programs:
        for host in blueprint.program_hosts(program):
            # One that several hosts may have is told apart by them.
            yield (f"{program.name}@{host}" if program.roles else program.name), _program(blueprint, program, host)


def _program(blueprint: Blueprint, program: HostProgram, host: str) -> dict[str, str | list[str]]:
    return {
        "purpose": program.purpose,
        "host": host,
        "units": list(program.watched),
        "health": program.health,
        "works": template.fill(program.works, blueprint.texts(), template.NAME),
    }


def _service(blueprint: Blueprint, service: Service, workload: Workload) -> dict[str, pulumi.Input[str]]:
    routes = {route.service: route for route in blueprint.routes}
    return {
        "purpose": service.purpose,
        "image": service.image,
        "container": workload.container,
        "url": blueprint.origin(routes[service.name]) if service.name in routes else "",
        "access": access(blueprint, service),
        **({"schedule": service.schedule} if service.schedule else {}),
    }
