"""The Docker networks of one host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
import pulumi_docker as docker

from homeport.model import names

if TYPE_CHECKING:
    from components.host import Host
    from homeport.model.network import Network


@dataclass(frozen=True, kw_only=True)
class NetworksArgs:
    """Which networks to make, and where."""

    host: Host
    networks: tuple[Network, ...]


class Networks(pulumi.ComponentResource):
    """Bridge networks with fixed subnets.

    Attributes:
        names: The blueprint's name of a network to its name in Docker, known once the network is there.
        ids: The same to its id, which is another when it is made anew.
    """

    names: dict[str, pulumi.Output[str]]
    ids: dict[str, pulumi.Output[str]]

    def __init__(self, name: str, args: NetworksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:docker:Networks", name, None, opts)
        self.names, self.ids = {}, {}
        for network in sorted(args.networks, key=lambda network: network.name):
            resource = docker.Network(
                f"{name}-{network.name}",
                name=names.physical(args.host.namespace, network.name),
                driver="bridge",
                internal=network.internal,
                options=network.options or None,
                ipam_configs=[
                    docker.NetworkIpamConfigArgs(
                        subnet=network.subnet, gateway=network.gateway, ip_range=network.given_out
                    )
                ],
                labels=[
                    docker.NetworkLabelArgs(label=label, value=value)
                    for label, value in sorted(args.host.labels(network=network.name).items())
                ],
                opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
            )
            self.names[network.name], self.ids[network.name] = resource.name, resource.id
        self.register_outputs({"names": self.names})
