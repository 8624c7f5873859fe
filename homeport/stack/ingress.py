"""How the internet comes in where Cloudflare has a part in it: tunnel, Access and DNS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import pulumi
import pulumi_random as random

from components.access import Access, AccessArgs, IdentityProvider
from components.dns import Dns, DnsArgs
from components.tunnel import RemoteTunnel, RemoteTunnelArgs, Tunnel, TunnelArgs
from homeport.model import names
from homeport.model.access import People, public_hostnames
from homeport.model.addresses import literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from components.secrets import Secrets
    from homeport.model.blueprint import Blueprint
    from homeport.settings.clouds import Access as AccessSettings
    from homeport.settings.hosts import AdoptHost, CreateHost, LocalHost
    from homeport.settings.schema import Settings
    from homeport.stack.hosts import HostResources


@dataclass(frozen=True, kw_only=True)
class Doors:
    """A tunnel and who may pass it, before a name leads into it.

    Attributes:
        exports: What the stack exports of it; the service tokens and the audience tags are secret.
        ready: To depend on: it has a connection, or all that its connector needs to get one; and nobody passes unasked.
        lead: Makes the names that lead into it, once all of those are there.
        token: Of its connector, where that is a service of the stack; secret.
    """

    exports: Mapping[str, pulumi.Input[object]]
    ready: tuple[pulumi.Resource, ...]
    lead: Callable[[tuple[pulumi.Resource, ...]], Dns]
    token: pulumi.Output[str] | None = None


def tunnel(
    blueprint: Blueprint, settings: Settings, host: HostResources, secrets: Secrets, cloudflare: pulumi.ProviderResource
) -> Doors:
    """A tunnel to a host for all routes, and who may pass it."""
    account = settings.cloudflare
    if account is None or account.team is None:
        raise ValueError(
            "exposure tunnel without homeport:settings.cloudflare: homeport/settings/checks.py refuses that"
        )
    opts = pulumi.ResourceOptions.merge(host.opts, pulumi.ResourceOptions(providers=[cloudflare]))
    mark, hostnames = _mark(host), public_hostnames(blueprint)
    access = Access(
        "access",
        AccessArgs(
            account=account.account_id,
            label=blueprint.preset,
            mark=mark,
            doors=hostnames,
            people=People(emails=settings.access.emails, domains=settings.access.email_domains),
            provider=_identity_provider(settings.access, secrets),
            session=f"{settings.access.session_hours}h",
        ),
        opts,
    )
    called = names.tunnel(blueprint.preset, host.host.name)
    token = None
    connector: Tunnel | RemoteTunnel
    if blueprint.connector:
        args = RemoteTunnelArgs(
            account=account.account_id,
            team=account.team,
            tunnel=called,
            mark=mark,
            doors=hostnames,
            audiences=access.audiences,
        )
        connector = RemoteTunnel("tunnel", args, opts)
        token = connector.token
    else:
        connector = Tunnel(
            "tunnel",
            TunnelArgs(
                account=account.account_id,
                team=account.team,
                tunnel=called,
                mark=mark,
                host=host.host,
                image=host.images["cloudflared"],
                doors=hostnames,
                audiences=access.audiences,
                after_units=("wg-quick@wg0.service",) if blueprint.vpn else (),
                after=host.host.after,
            ),
            opts,
        )
    led = {hostname.name: hostname.hostname for hostname in hostnames}

    def lead(after: tuple[pulumi.Resource, ...]) -> Dns:
        return Dns("dns", DnsArgs(zone=account.zone_id, mark=mark, names=led, tunnel=connector.id, after=after), opts)

    tokens = {
        name: {"client_id": access.client_ids[name], "client_secret": access.client_secrets[name]}
        for name in access.client_ids
    }
    domain = f"https://{account.team}.cloudflareaccess.com"
    exports: dict[str, pulumi.Input[object]] = {
        "tunnel_id": connector.id,
        "access_audiences": pulumi.Output.secret(access.audiences),
        "service_tokens": pulumi.Output.secret(tokens),
    }
    if guests := {route.name for route in blueprint.routes if route.guest}:
        # What a service of another stack needs to check the assertion that comes with each request.
        exports["guests"] = pulumi.Output.secret(
            {
                name: {"CLOUDFLARE_AUD_TAG": access.audiences[name], "CLOUDFLARE_AUTH_DOMAIN": domain}
                for name in sorted(guests & access.audiences.keys())
            }
        )
    return Doors(exports=exports, ready=(connector.ready, *access.ready), lead=lead, token=token)


def records(
    blueprint: Blueprint,
    zone: str,
    machine: LocalHost | AdoptHost | CreateHost,
    host: HostResources,
    cloudflare: pulumi.ProviderResource,
) -> tuple[pulumi.Resource, ...]:
    """The names of routes that the edge proxy answers by itself: plain records that lead to its host.

    Nobody stands between, for the proxy shows by them that it may hold a certificate. No AAAA beside the A: Docker
    publishes the proxy at IPv4 addresses (``edge.bind``), and who came by IPv6 would be refused.

    Returns:
        What the proxy waits for: each try for a certificate before its name is there counts against the authority's
        limit (https://letsencrypt.org/docs/rate-limits/: five failures an hour).
    """
    if "address" not in host.machine.exports:
        return ()
    kind = _record_type(machine.address) if machine.mode == "adopt" else "A"
    dns = Dns(
        "dns",
        DnsArgs(
            zone=zone,
            mark=_mark(host),
            names={route.name: blueprint.host(route) for route in blueprint.routes},
            addresses={kind: host.machine.exports["address"]},
        ),
        pulumi.ResourceOptions.merge(host.opts, pulumi.ResourceOptions(providers=[cloudflare])),
    )
    return dns.records


def _mark(host: HostResources) -> pulumi.Output[str]:
    """The first part of every name says whose it is; this one, kept in the state, whether it is ours."""
    mark: pulumi.Output[str] = random.RandomId(names.MARK, byte_length=3, opts=host.opts).hex
    return mark


def _record_type(address: str) -> str:
    """Of the record that leads to an address as the settings give it; one of IPv6 is refused by them."""
    return "A" if literal(address) else "CNAME"


def _identity_provider(access: AccessSettings, secrets: Secrets) -> IdentityProvider:
    kind: Literal["onetimepin", "google"] = "google" if access.login == "google" else "onetimepin"
    if kind == "onetimepin" or access.identity_provider:
        return IdentityProvider(kind=kind, id=access.identity_provider or "")
    return IdentityProvider(
        kind="google", client_id=access.google_client_id or "", client_secret=secrets.values["google-client-secret"]
    )
