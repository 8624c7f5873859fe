"""One stack's graph: providers, secrets, hosts, ingress, services, outputs, each handed what it needs of the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.secrets import Secrets, SecretsArgs
from homeport.plan.zone import provider
from homeport.stack import outputs
from homeport.stack.hosts import HostResources, host_resources
from homeport.stack.providers import Providers
from homeport.stack.services import Services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.mesh import Mesh
    from homeport.plan.resolve import Plan
    from homeport.stack.hetzner_key import HetznerKey
    from homeport.stack.ingress import Doors


def build(plan: Plan) -> None:
    """Registers everything, layer by layer."""
    if plan.floating:
        what = f"{', '.join(plan.floating)}: by tag alone, which can mean another image tomorrow"
        pulumi.log.warn(f"{what}\n  fix: bin/homeport images --renew --stack {plan.stack}")
    providers = Providers(plan.endpoints, _supplied_key(plan))
    supplied = {name: pulumi.Output.secret(value.reveal()) for name, value in plan.supplied.items()}
    args = SecretsArgs(supplied=supplied, generated=plan.generated, versions=plan.settings.rotate, derived=plan.derived)
    secrets = Secrets("secrets", args, providers.opts)
    hosts = {name: host_resources(host, providers, secrets.values) for name, host in plan.hosts.items()}
    connector = plan.blueprint.connector
    # A connector that is a service has its token of the tunnel; one on the host leads to services that are there.
    doors = _tunnel(plan, hosts, providers, secrets) if connector else None
    if doors and doors.token is not None:
        secrets.values |= {name: doors.token for name, spec in plan.secrets.items() if spec.policy == "issued"}
    named = _records(plan, hosts, providers, secrets)
    before = {proxy.name: named for proxy in plan.blueprint.proxies}
    before |= {connector.name: doors.ready} if connector and doors else {}
    services = Services(plan.blueprint, hosts, secrets, before)
    members = _mesh(plan, hosts, services, providers)
    if members:
        _records(plan, hosts, providers, secrets, members.addresses)
    # What programs lay into the folder of the configuration is there before it is committed.
    programs = _programs(plan, hosts, services, secrets)
    _compose_files(plan, hosts, services, secrets, after=programs, opts=providers.opts)
    if plan.blueprint.tunnel_on_host:
        doors = _tunnel(plan, hosts, providers, secrets)
    if doors:
        inside = (services.workloads[connector.name].ready, *services.routes) if connector else ()
        doors.lead((*doors.ready, *inside))
    exports = {**(doors.exports if doors else {}), **({"mesh": members.addresses} if members else {})}
    steps = _steps(plan, hosts, members.addresses if members else {})
    outputs.export(plan.blueprint, hosts, services.workloads, secrets, exports, next_steps=steps)


def _steps(
    plan: Plan, hosts: Mapping[str, HostResources], members: Mapping[str, pulumi.Output[str]]
) -> pulumi.Input[list[str]]:
    """What is left for a person to do."""
    if provider(plan.settings) != "manual":
        return list(plan.blueprint.next_steps)
    from homeport.stack.zone import steps  # noqa: PLC0415  # few stacks have any

    return steps(plan, hosts, members)


def _supplied_key(plan: Plan) -> HetznerKey | None:
    """The SSH key that was supplied, where servers are rented with it."""
    rented = [name for name, host in plan.hosts.items() if host.machine.mode == "create"]
    private = plan.supplied.get("ssh-private-key")
    if not rented or private is None:
        return None
    from homeport.stack.hetzner_key import HetznerKey, rented_hosts  # noqa: PLC0415  # a stack on this machine has none
    from homeport.stack.remote import public_of  # noqa: PLC0415

    name = plan.settings.ssh.key_name or ""
    return HetznerKey(plan.stack, rented_hosts(rented), public_of(private.reveal()), name)


def _compose_files(
    plan: Plan,
    hosts: Mapping[str, HostResources],
    services: Services,
    secrets: Secrets,
    *,
    after: tuple[pulumi.Resource, ...],
    opts: pulumi.ResourceOptions,
) -> None:
    """What lies on a host beside its containers; nothing on this machine."""
    remote = [host for host in plan.hosts.values() if host.machine.mode != "local"]
    if not remote:
        return
    from homeport.stack.compose import checkout_files, compose_files  # noqa: PLC0415  # a stack here has none

    for host in remote:
        machine = hosts[host.name].machine
        compose_files(plan.blueprint, host, machine, secrets, services.workloads, opts=opts)
        checkout_files(plan.blueprint, host, machine, services.workloads, after=after, opts=opts)


def _programs(
    plan: Plan, hosts: Mapping[str, HostResources], services: Services, secrets: Secrets
) -> tuple[pulumi.Resource, ...]:
    """What runs on hosts beside their containers; to depend on."""
    if not plan.blueprint.programs:
        return ()
    from homeport.stack.host_programs import host_programs  # noqa: PLC0415  # few stacks have any

    return tuple(
        ready
        for host in plan.hosts.values()
        if host.programs
        for ready in host_programs(plan.blueprint, host, hosts[host.name], secrets, services.workloads)
    )


def _mesh(plan: Plan, hosts: Mapping[str, HostResources], services: Services, providers: Providers) -> Mesh | None:
    """The mesh of the hosts, once its control server answers by its name."""
    if plan.blueprint.mesh is None:
        return None
    from components.mesh import Mesh, MeshArgs  # noqa: PLC0415  # few stacks have one

    declared = plan.blueprint.mesh
    control, authority = services.workloads[declared.control], plan.blueprint.edge.authority
    args = MeshArgs(
        mesh=declared,
        hub=hosts[plan.blueprint.homes[declared.control]].host,
        control=control.container,
        control_id=control.container_id,
        hosts={member.name: hosts[member.name].host for member in declared.members},
        images={member.name: hosts[member.name].images[declared.client] for member in declared.members},
        authority=authority.root if authority else "",
        after=(control.ready, *services.routes),
    )
    return Mesh("mesh", args, providers.opts)


def _records(
    plan: Plan,
    hosts: Mapping[str, HostResources],
    providers: Providers,
    secrets: Secrets,
    members: Mapping[str, pulumi.Output[str]] | None = None,
) -> tuple[pulumi.Resource, ...]:
    """The names of a proxy that is reached directly, where Cloudflare or OVH keeps the zone.

    With ``members``, the mesh's, those that lead there: they are there once the members are in.
    """
    proxies = [proxy.name for proxy in plan.blueprint.proxies]
    account = plan.settings.cloudflare
    if provider(plan.settings) == "ovh":
        from homeport.stack.zone import ovh_records  # noqa: PLC0415  # few stacks have any

        return ovh_records(plan, hosts, secrets, providers.opts, members)
    if members is not None or provider(plan.settings) == "manual":
        return ()
    if plan.blueprint.exposure != "direct" or not proxies or account is None:
        return ()
    from homeport.stack.ingress import records  # noqa: PLC0415  # Cloudflare's SDK is the largest of all

    cloudflare = providers.cloudflare(secrets.values["cloudflare-api-token"])
    host = plan.blueprint.homes[proxies[0]]
    return records(plan.blueprint, account.zone_id, plan.hosts[host].machine, hosts[host], cloudflare)


def _tunnel(plan: Plan, hosts: Mapping[str, HostResources], providers: Providers, secrets: Secrets) -> Doors:
    """The tunnel that the internet comes in by."""
    from homeport.stack.ingress import tunnel  # noqa: PLC0415

    cloudflare = providers.cloudflare(secrets.values["cloudflare-api-token"])
    host = hosts[plan.blueprint.main_host]
    return tunnel(plan.blueprint, plan.settings, host, secrets, cloudflare)
