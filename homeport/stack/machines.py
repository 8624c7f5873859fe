"""A host before services are on it, and this machine as one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from components.host import Host
from homeport.model.docker_here import endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi

    from homeport.plan.hosts import HostPlan
    from homeport.stack.providers import Providers


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A host before anything of Docker is on it.

    Attributes:
        host: Its handle.
        opts: Its providers.
        ready: Its layers, up to Docker; nothing on this machine, which is left as it is.
        exports: Address and SSH, where it is not this machine.
        client_configs: Members' configurations, where the VPN ends on it.
    """

    host: Host
    opts: pulumi.ResourceOptions
    ready: tuple[pulumi.Resource, ...] = ()
    exports: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)
    client_configs: Mapping[str, pulumi.Output[str]] = field(default_factory=dict)


def this_machine(host: HostPlan, providers: Providers) -> Machine:
    """This machine's own Docker, as it is, where the docker command finds it."""
    docker = endpoint()
    handle = Host(
        name=host.name,
        stack=host.stack,
        namespace=host.namespace,
        environment=docker.environment,
    )
    return Machine(host=handle, opts=providers.docker(host.name, docker.host, certificates=docker.certificates))
