"""The names of a stack at OVH, or as a list for whoever makes them by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pulumi

from components.zone import Zone, ZoneArgs, ZoneRecord
from homeport.model.authority import DNS_KEYS
from homeport.plan.zone import by_hand, records, zone

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.secrets import Secrets
    from homeport.plan.resolve import Plan
    from homeport.stack.hosts import HostResources


def ovh_records(
    plan: Plan,
    hosts: Mapping[str, HostResources],
    secrets: Secrets,
    opts: pulumi.ResourceOptions,
    members: Mapping[str, pulumi.Output[str]] | None = None,
) -> tuple[pulumi.Resource, ...]:
    """The records at OVH; to depend on.

    Args:
        plan: The stack.
        hosts: Its hosts.
        secrets: Its secrets.
        opts: The providers.
        members: Addresses of the mesh's members, for the names that lead there; None: for the other names.
    """
    dns = plan.settings.dns
    wanted = [item for item in records(plan.blueprint, plan.settings) if bool(item.member) == (members is not None)]
    if dns is None or not wanted:
        return ()
    args = ZoneArgs(
        endpoint=dns.endpoint,
        zone=zone(plan.settings),
        keys=[secrets.values[name] for name in DNS_KEYS],
        records=tuple(
            ZoneRecord(
                name=item.name,
                hostname=item.hostname,
                kind=item.kind,
                target=members[item.member]
                if members is not None
                else item.target or hosts[item.host].machine.exports["address"],
            )
            for item in wanted
        ),
    )
    return Zone("zone" if members is None else "zone-members", args, opts).records


def steps(
    plan: Plan, hosts: Mapping[str, HostResources], members: Mapping[str, pulumi.Output[str]]
) -> pulumi.Output[list[str]]:
    """What is left for a person to do: the preset's steps, and the records."""
    wanted = records(plan.blueprint, plan.settings)
    addresses = {
        name: hosts[name].machine.exports["address"]
        for name in {item.host for item in wanted if not item.target and not item.member}
    }
    addresses |= {f"mesh:{item.member}": members[item.member] for item in wanted if item.member}
    return pulumi.Output.all(**addresses).apply(lambda known: [*plan.blueprint.next_steps, *by_hand(wanted, known)])
