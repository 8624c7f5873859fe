"""A Cloudflare tunnel: itself, and cloudflared, which opens it from inside. No port is open for it.

cloudflared runs on the host, by files there; or it is a service of the stack, beside the proxy, and has but a token.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi

from components.cloud import cloudflare
from components.host_unit import HostFiles, HostFilesArgs
from components.random_secret import random_secret
from homeport.render import cloudflared

if TYPE_CHECKING:
    from collections.abc import Mapping

    from components.host import Host
    from homeport.model.access import PublicHostname


@dataclass(frozen=True, kw_only=True)
class RemoteTunnelArgs:
    """What a tunnel needs whose connector is a service of the stack.

    Attributes:
        account: The Cloudflare account's id.
        team: Name of the Zero Trust team: the first part of its ``cloudflareaccess.com`` domain.
        tunnel: First part of the tunnel's name.
        mark: Last part of it: random, kept in the state. A tunnel that was deleted can stay, and holds its name (trap
            C4).
        doors: What it leads to.
        audiences: Audience tag of each area of the doors, by key.
        version: A higher one makes a new secret, for the same tunnel.
    """

    account: pulumi.Input[str]
    team: str
    tunnel: str
    mark: pulumi.Input[str]
    doors: tuple[PublicHostname, ...]
    audiences: Mapping[str, pulumi.Output[str]]
    version: int = 1


@dataclass(frozen=True, kw_only=True)
class TunnelArgs(RemoteTunnelArgs):
    """What a tunnel needs besides whose connector is a unit of a host.

    Attributes:
        host: Where cloudflared runs.
        image: Id of cloudflared's image on that host: the program is taken out of it.
        after_units: systemd units that must be up before it: the VPN's.
        after: Resources that must be there first.
    """

    host: Host
    image: pulumi.Input[str]
    after_units: tuple[str, ...] = ()
    after: tuple[pulumi.Resource, ...] = ()


class Tunnel(pulumi.ComponentResource):
    """A tunnel with a connector, managed by files on the host (S2-36), so that no token has to be looked up.

    Attributes:
        id: The tunnel's id.
        ready: To depend on: the tunnel has a connection.
    """

    id: pulumi.Output[str]
    ready: pulumi.Resource

    def __init__(self, name: str, args: TunnelArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:cloudflare:Tunnel", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        tunnel, secret = _tunnel(name, args, "local", here)
        self.id = tunnel.id
        values: dict[str, pulumi.Input[str]] = {
            "account": args.account,
            "team": args.team,
            "image": args.image,
            "tunnel-id": tunnel.id,
            "tunnel-secret": secret,
            **{f"aud:{key}": audience for key, audience in args.audiences.items()},
        }
        service = HostFiles(
            f"{name}-service",
            HostFilesArgs(
                host=args.host,
                files=cloudflared.files(args.doors, args.after_units),
                values=values,
                apply=cloudflared.apply(),
                also=(cloudflared.PROGRAM,),
                units=(cloudflared.UNIT,),
                remove=cloudflared.remove(),
                guard=0,
                after=args.after,
            ),
            pulumi.ResourceOptions(parent=self),
        )
        self.ready = service.ready
        self.register_outputs({"tunnelId": self.id})


class RemoteTunnel(pulumi.ComponentResource):
    """A tunnel whose routes Cloudflare keeps: its connector has but a token.

    Attributes:
        id: The tunnel's id.
        token: The connector's token, secret. Made of what is known here, as the connector reads it
            (cloudflared connection/connection.go, ``TunnelToken``), so that nobody has to be asked for it.
        ready: To depend on: the tunnel has its routes.
    """

    id: pulumi.Output[str]
    token: pulumi.Output[str]
    ready: pulumi.Resource

    def __init__(self, name: str, args: RemoteTunnelArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("homeport:cloudflare:RemoteTunnel", name, None, opts)
        here = pulumi.ResourceOptions(parent=self)
        tunnel, secret = _tunnel(name, args, "cloudflare", here)
        self.id = tunnel.id
        self.token = pulumi.Output.secret(pulumi.Output.all(args.account, tunnel.id, secret).apply(_token))
        self.ready = cloudflare.ZeroTrustTunnelCloudflaredConfig(
            f"{name}-routes",
            account_id=args.account,
            tunnel_id=tunnel.id,
            config={"ingresses": cloudflared.remote(args.doors, args.team, args.audiences)},
            source="cloudflare",
            opts=here,
        )
        self.register_outputs({"tunnelId": self.id})


def _tunnel(
    name: str, args: RemoteTunnelArgs, config_src: Literal["local", "cloudflare"], opts: pulumi.ResourceOptions
) -> tuple[cloudflare.ZeroTrustTunnelCloudflared, pulumi.Output[str]]:
    """The tunnel at Cloudflare, and the secret by which its connector signs in."""
    secret = random_secret(f"{name}-secret", opts, {"version": str(args.version)})
    tunnel = cloudflare.ZeroTrustTunnelCloudflared(
        f"{name}-tunnel",
        account_id=args.account,
        name=pulumi.Output.concat(args.tunnel, "-", args.mark),
        config_src=config_src,
        tunnel_secret=secret,
        opts=opts,
    )
    return tunnel, secret


def _token(parts: list[str]) -> str:
    account, tunnel, secret = parts
    return base64.b64encode(json.dumps({"a": account, "s": secret, "t": tunnel}).encode()).decode()
