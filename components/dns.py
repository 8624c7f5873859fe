"""Public names: proxied ones that lead into a tunnel, or plain ones that lead to a host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi

from components.cloud import cloudflare

if TYPE_CHECKING:
    from collections.abc import Mapping

_AUTOMATIC = 1
_SHORT = 300


@dataclass(frozen=True, kw_only=True)
class DnsArgs:
    """Which names lead where.

    Attributes:
        zone: The zone's id.
        mark: Random word of the stack, kept in the state and put into each record's comment.
        names: Route's name, which is identity, to host name.
        tunnel: Id of the tunnel that they lead into; None: they lead to addresses.
        addresses: ``A``, ``AAAA`` or ``CNAME`` to the address, where there is no tunnel.
        proxied: Whether Cloudflare stands between, where there is no tunnel.
        after: What must be there before the names are: the tunnel's connector, the applications of Access.
    """

    zone: pulumi.Input[str]
    mark: pulumi.Input[str]
    names: Mapping[str, str]
    tunnel: pulumi.Input[str] | None = None
    addresses: Mapping[str, pulumi.Input[str]] | None = None
    proxied: bool = False
    after: tuple[pulumi.Resource, ...] = ()


class Dns(pulumi.ComponentResource):
    """DNS records.

    Attributes:
        records: All of them.
    """

    records: tuple[pulumi.Resource, ...]

    def __init__(self, name: str, args: DnsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:cloudflare:Dns", name, None, opts)
        targets: list[tuple[str, str, pulumi.Input[str]]] = [
            (f"-{kind.lower()}", kind, address) for kind, address in sorted((args.addresses or {}).items())
        ]
        proxied = args.proxied
        if args.tunnel is not None:
            # There is no output for it any more (docs/traps.md, C2).
            targets = [("", "CNAME", pulumi.Output.concat(args.tunnel, ".cfargotunnel.com"))]
            proxied = True
        self.records = tuple(
            cloudflare.DnsRecord(
                f"{name}-{key}{suffix}",
                zone_id=args.zone,
                name=hostname,
                type=kind,
                content=content,
                proxied=proxied,
                # Cloudflare's own choice is the only one that a proxied record can have.
                ttl=_AUTOMATIC if proxied else _SHORT,
                comment=pulumi.Output.concat("homeport ", args.mark),
                # Two records of one name and different kinds cannot be at once (81053).
                opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after), delete_before_replace=True),
            )
            for key, hostname in args.names.items()
            for suffix, kind, content in targets
        )
        self.register_outputs({})
