"""Networks that a container is connected to while it runs: they come and go, and the container stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_command as command

from components.host import CONNECT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host


@dataclass(frozen=True, kw_only=True)
class NetworkConnectionsArgs:
    """Which container is connected to which networks.

    Attributes:
        host: Where they are.
        container: The container's id.
        networks: The blueprint's name of each network to its name in Docker and its id.
        after: Resources that must be there first: the container's gate.
    """

    host: Host
    container: pulumi.Input[str]
    networks: Mapping[str, tuple[pulumi.Input[str], pulumi.Input[str]]]
    after: tuple[pulumi.Resource, ...]


class NetworkConnections(pulumi.ComponentResource):
    """A container's connections to networks that are no part of what it was created with.

    Attributes:
        ready: The resources to depend on: the container reaches what is on the networks.
    """

    ready: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: NetworkConnectionsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:NetworkConnections", name, None, opts)
        self.ready = tuple(
            command.local.Command(
                f"{name}-{network}",
                create=pulumi.Output.format("{0} connect {1} {2} {3}", CONNECT, args.container, key, physical),
                # By ids: when one of the two was made anew, the connection of the new one stays.
                delete=pulumi.Output.format("{0} disconnect {1} {2} {3}", CONNECT, args.container, key, physical),
                environment=dict(args.host.environment),
                triggers=[args.container, key],
                opts=pulumi.ResourceOptions(
                    parent=self, depends_on=list(args.after), deleted_with=args.host.deleted_with
                ),
            )
            for network, (physical, key) in sorted(args.networks.items())
        )
        self.register_outputs({})
