"""A server that is rented from Hetzner Cloud."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

import pulumi

from components.connection import private_key, public_key
from components.random_secret import random_secret
from homeport.model import names
from homeport.render.cloud_init import cloud_init
from homeport.render.hetzner_firewall import hcloud_rules

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pulumi_hcloud as hcloud

    from homeport.model.host import Opening

USER = "deploy"
"""The program's user on a server that it made."""


@dataclass(frozen=True, kw_only=True)
class ServerArgs:
    """A server to rent.

    Attributes:
        name: Its name at Hetzner, unique in the project, and its host name.
        server_type: Size.
        location: Data centre.
        image: Operating system.
        port: Of sshd, from birth.
        openings: What strangers may reach, from birth.
        authorized: Public key of the program's user.
        key: Id at Hetzner of that key, where it is there already; else it is put there.
        labels: Of everything that is made.
        protect: True: neither server nor address can be deleted by accident.
    """

    name: str
    server_type: str
    location: str
    image: str
    port: int
    openings: tuple[Opening, ...]
    authorized: pulumi.Input[str]
    key: pulumi.Input[str] | None = None
    labels: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    protect: bool


class Server(pulumi.ComponentResource):
    """A server behind a firewall that is there before it.

    Attributes:
        address: Its public IPv4 address, which outlives it.
        address6: Its public IPv6 address, which outlives it too: the first of its /64.
        generation: Its id: another one is another machine.
        host_key: Public half of the key that it is known by until its first connection.
        server: The server itself: what is on it goes with it.
    """

    address: pulumi.Output[str]
    address6: pulumi.Output[str]
    generation: pulumi.Output[str]
    host_key: pulumi.Output[str]
    server: pulumi.Resource

    def __init__(self, name: str, args: ServerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        import pulumi_hcloud as hcloud  # noqa: PLC0415  # whoever rents nothing pays nothing

        super().__init__("homeport:host:Server", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        labels = dict(args.labels)
        seed = random_secret(f"{name}-bootstrap-key", here)
        self.host_key = pulumi.Output.unsecret(seed.apply(public_key))
        key = args.key
        if key is None:
            own = hcloud.SshKey(f"{name}-key", name=args.name, public_key=args.authorized, labels=labels, opts=here)
            key = own.id
        firewall = hcloud.Firewall(
            f"{name}-firewall", name=args.name, labels=labels, rules=list(hcloud_rules(args.openings)), opts=here
        )
        # Resources of their own: those that Hetzner makes by itself go with the server (docs/traps.md, H5).
        ip, ip6 = (self._address(name, part, kind, args) for part, kind in (("ip", "ipv4"), ("ip6", "ipv6")))
        user_data: pulumi.Output[str] = pulumi.Output.all(seed=seed, key=args.authorized).apply(
            lambda got: _user_data(args.port, **got)
        )
        self.server = server = hcloud.Server(
            names.server(name),
            name=args.name,
            server_type=args.server_type,
            image=args.image,
            location=args.location,
            ssh_keys=[key],
            # From birth, not attached afterwards: else it is open for its first seconds (docs/traps.md, H6).
            firewall_ids=[firewall.id.apply(int)],
            public_nets=[
                {"ipv4_enabled": True, "ipv4": ip.id.apply(int), "ipv6_enabled": True, "ipv6": ip6.id.apply(int)}
            ],
            user_data=_secret(user_data),
            keep_disk=True,
            labels=labels,
            opts=pulumi.ResourceOptions(
                parent=self,
                protect=args.protect,
                # Each of them would replace the server with all its data (docs/traps.md, H1); the address can have one
                # owner at a time.
                ignore_changes=["userData", "sshKeys", "image"],
                delete_before_replace=True,
            ),
        )
        # Of the address, not of the server: it stays when the server is replaced.
        self.address, self.generation = ip.ip_address, server.id
        self.address6 = pulumi.Output.concat(ip6.ip_address, "1")
        self.register_outputs({"address": self.address, "serverId": self.generation})

    def _address(self, name: str, part: str, kind: str, args: ServerArgs) -> hcloud.PrimaryIp:
        import pulumi_hcloud as hcloud  # noqa: PLC0415

        return hcloud.PrimaryIp(
            f"{name}-{part}",
            name=args.name if kind == "ipv4" else f"{args.name}-{kind}",
            type=kind,
            location=args.location,
            auto_delete=False,
            labels=dict(args.labels),
            # Who has it is the server's affair.
            opts=pulumi.ResourceOptions(parent=self, protect=args.protect, ignore_changes=["assigneeId"]),
        )


def _secret(text: pulumi.Output[str]) -> pulumi.Output[str]:
    return pulumi.Output.secret(text)


def _user_data(port: int, seed: str, key: str) -> str:
    return cloud_init(
        user=USER, authorized=key, host_private=private_key(seed), host_public=public_key(seed), port=port
    )
