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
    plan: Plan, hosts: Mapping[str, HostResources], secrets: Secrets, opts: pulumi.ResourceOptions
) -> tuple[pulumi.Resource, ...]:
    """The records at OVH; to depend on."""
    dns = plan.settings.dns
    wanted = records(plan.blueprint, plan.settings)
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
                target=item.target or hosts[item.host].machine.exports["address"],
            )
            for item in wanted
        ),
    )
    return Zone("zone", args, opts).records


def steps(plan: Plan, hosts: Mapping[str, HostResources]) -> pulumi.Output[list[str]]:
    """What is left for a person to do: the preset's steps, and the records."""
    wanted = records(plan.blueprint, plan.settings)
    addresses = {
        name: hosts[name].machine.exports["address"] for name in {item.host for item in wanted if not item.target}
    }
    return pulumi.Output.all(**addresses).apply(lambda known: [*plan.blueprint.next_steps, *by_hand(wanted, known)])
