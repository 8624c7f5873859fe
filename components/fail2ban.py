"""fail2ban on a host: addresses that guess at SSH are shut out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.host_unit import HostFiles, HostFilesArgs
from homeport.render import fail2ban

if TYPE_CHECKING:
    from components.host import Host

GUARD = 90
"""Seconds until a change that cut homeport off takes itself back."""


@dataclass(frozen=True, kw_only=True)
class Fail2banArgs:
    """Whom it watches.

    Attributes:
        host: Where.
        ports: Where sshd listens.
        trusted: Networks whose members are never banned, in CIDR form.
        guard: Seconds of the revert timer.
        after: Resources that must be there first: sshd's settings.
    """

    host: Host
    ports: tuple[int, ...]
    trusted: tuple[str, ...] = ()
    guard: int = GUARD
    after: tuple[pulumi.Resource, ...] = ()


class Fail2ban(pulumi.ComponentResource):
    """fail2ban, watching sshd.

    Attributes:
        ready: To depend on: it watches.
    """

    ready: pulumi.Resource

    def __init__(self, name: str, args: Fail2banArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:fail2ban:Fail2ban", name, None, opts)
        unit = HostFilesArgs(
            host=args.host,
            files=fail2ban.files(ports=args.ports, trusted=args.trusted),
            values={},
            apply=fail2ban.apply(),
            units=(fail2ban.UNIT,),
            remove=fail2ban.remove(),
            guard=args.guard,
            after=args.after,
        )
        self.ready = HostFiles(f"{name}-jail", unit, pulumi.ResourceOptions(parent=self)).ready
        self.register_outputs({})
