"""The firewall on a host: UFW for what comes in, DOCKER-USER for what goes on to containers, and a gate before both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pulumi

from components.host_unit import HostFiles, HostFilesArgs
from homeport.model.firewall import ContainerWays
from homeport.render import ufw
from homeport.render.netfilter import UNIT

if TYPE_CHECKING:
    from components.host import Host
    from homeport.model.firewall import FirewallRule

GUARD = 120
"""Seconds until a change that cut homeport off takes itself back."""


@dataclass(frozen=True, kw_only=True)
class FirewallArgs:
    """What may reach a host and its containers; everything else is closed.

    Attributes:
        host: Where.
        rules: All of them. The program's own way in must be among them: a change without it is reverted.
        ways: Where containers may open connections to.
        chains: Of iptables, which other layers of the host fill by themselves: they are left as they are.
        guard: Seconds of the revert timer.
        after: Resources that must be there first: the packages.
    """

    host: Host
    rules: tuple[FirewallRule, ...]
    ways: ContainerWays = field(default_factory=ContainerWays)
    chains: tuple[str, ...] = ()
    guard: int = GUARD
    after: tuple[pulumi.Resource, ...] = ()


class Firewall(pulumi.ComponentResource):
    """The host's own firewall, which holds without the cloud's.

    Attributes:
        ready: To depend on: the rules are in force.
    """

    ready: pulumi.Resource

    def __init__(self, name: str, args: FirewallArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:firewall:Firewall", name, None, opts)
        rules = HostFiles(
            f"{name}-rules",
            HostFilesArgs(
                host=args.host,
                files=ufw.files(args.rules, args.chains, args.ways),
                values={},
                apply=ufw.apply(),
                units=(UNIT, ufw.SERVICE),
                remove=ufw.remove(),
                guard=args.guard,
                after=args.after,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.ready = rules.ready
        self.register_outputs({})
