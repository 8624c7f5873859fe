"""sshd on a host, hardened, on the port of one's choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.host_unit import HostFiles, HostFilesArgs
from homeport.render import sshd

if TYPE_CHECKING:
    from components.host import Host

GUARD = 90
"""Seconds until a change that cut homeport off takes itself back."""


@dataclass(frozen=True, kw_only=True)
class SshArgs:
    """How sshd is to be.

    Attributes:
        host: Where.
        ports: Where it listens: the wanted port first, then one that it is leaving.
        users: Who may come in.
        own_key: Whether the host made the key that is pinned; else it is the distribution's.
        addresses: The only addresses that it listens on; none named means all.
        forward: A user, and the port of the loopback address that is forwarded for it; None: nothing is.
        guard: Seconds of the revert timer.
        after: Resources that must be there first.
    """

    host: Host
    ports: tuple[int, ...]
    users: tuple[str, ...]
    own_key: bool
    addresses: tuple[str, ...] = ()
    forward: tuple[str, int] | None = None
    guard: int = GUARD
    after: tuple[pulumi.Resource, ...] = ()


class Ssh(pulumi.ComponentResource):
    """sshd's settings.

    Attributes:
        ready: To depend on: they are in force, and a new connection has proved them.
    """

    ready: pulumi.Resource

    def __init__(self, name: str, args: SshArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:ssh:Ssh", name, None, opts)
        key = sshd.HOST_KEY if args.own_key else sshd.DISTRIBUTION_KEY
        files = HostFiles(
            f"{name}-sshd",
            HostFilesArgs(
                host=args.host,
                files=sshd.files(
                    ports=args.ports,
                    users=args.users,
                    host_key=key,
                    addresses=args.addresses,
                    forward=args.forward,
                ),
                values={},
                apply=sshd.apply(args.ports),
                units=(sshd.UNIT,),
                remove=sshd.remove(args.ports),
                guard=args.guard,
                after=args.after,
                environment={"HOMEPORT_SSH_PORT_NEXT": str(args.ports[0])},
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.ready = files.ready
        self.register_outputs({})
