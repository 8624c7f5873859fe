"""The public doors of a stack at Cloudflare: the tunnel, who may pass, and the names that lead there or to the proxy's host."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

import pulumi
import pulumi_random as random

from components.access import Access, AccessArgs, IdentityProvider
from components.dns import Dns, DnsArgs
from components.tunnel import Tunnel, TunnelArgs
from homeport.model.access import People
from homeport.model.access import doors as doors_of
from homeport.model.names import MARK

if TYPE_CHECKING:
    from components.secrets import Secrets
    from homeport.model.blueprint import Blueprint
    from homeport.plan.resolve import Plan
    from homeport.stack.site import Site


class Doors:
    """Tunnel, Access and DNS.

    Attributes:
        outputs: What the stack exports of them; the service tokens and the audience tags are secret.
    """

    def __init__(
        self, blueprint: Blueprint, plan: Plan, site: Site, secrets: Secrets, cloudflare: pulumi.ProviderResource
    ) -> None:
        settings = plan.settings
        if settings.cloudflare is None or settings.cloudflare.team is None:
            raise ValueError("exposure tunnel without homeport:settings.cloudflare: settings.checks refuses that")
        opts = pulumi.ResourceOptions.merge(site.opts, pulumi.ResourceOptions(providers=[cloudflare]))
        mark = _mark(site)
        doors = doors_of(blueprint)
        access = Access(
            "access",
            AccessArgs(
                account=settings.cloudflare.account_id,
                label=blueprint.preset,
                mark=mark,
                doors=doors,
                people=People(emails=settings.access.emails, domains=settings.access.email_domains),
                provider=_provider(plan, secrets),
                session=f"{settings.access.session_hours}h",
            ),
            opts,
        )
        tunnel = Tunnel(
            "tunnel",
            TunnelArgs(
                account=settings.cloudflare.account_id,
                team=settings.cloudflare.team,
                tunnel=f"{blueprint.preset}-{site.host.name}",
                mark=mark,
                host=site.host,
                image=site.images["cloudflared"],
                doors=doors,
                audiences=access.audiences,
                after_units=("wg-quick@wg0.service",) if blueprint.vpn else (),
                after=site.host.after,
            ),
            opts,
        )
        names = {one.name: one.hostname for one in doors}
        after = (tunnel.ready, *access.ready)
        zone = settings.cloudflare.zone_id
        Dns("dns", DnsArgs(zone=zone, mark=mark, names=names, tunnel=tunnel.id, after=after), opts)
        self.outputs: dict[str, pulumi.Input[object]] = {
            "tunnel_id": tunnel.id,
            "access_audiences": pulumi.Output.secret(access.audiences),
            "service_tokens": pulumi.Output.secret(
                {
                    name: {"client_id": access.client_ids[name], "client_secret": access.client_secrets[name]}
                    for name in access.client_ids
                }
            ),
        }


def names(
    blueprint: Blueprint, plan: Plan, site: Site, cloudflare: pulumi.ProviderResource
) -> tuple[pulumi.Resource, ...]:
    """The names of doors that the edge proxy opens by itself: plain records that lead to its host.

    Nobody stands between, for the proxy shows by them that a certificate is its to have. No AAAA beside the A: Docker publishes the proxy at
    IPv4 addresses (``edge.bind``), and who came by IPv6 would be refused.

    Returns:
        What the proxy waits for: each try for a certificate before its name is there counts against the authority's limit
        (https://letsencrypt.org/docs/rate-limits/: five failures an hour).
    """
    settings = plan.settings
    if settings.cloudflare is None or "address" not in site.exports:
        return ()
    given = settings.hosts[site.host.name]
    kind = _kind(given.address) if given.mode == "adopt" else "A"
    made = Dns(
        "dns",
        DnsArgs(
            zone=settings.cloudflare.zone_id,
            mark=_mark(site),
            names={route.name: blueprint.host(route) for route in blueprint.routes},
            addresses={kind: site.exports["address"]},
        ),
        pulumi.ResourceOptions.merge(site.opts, pulumi.ResourceOptions(providers=[cloudflare])),
    )
    return made.records


def _mark(site: Site) -> pulumi.Output[str]:
    """The first part of every name says whose it is; this one, kept in the state, whether it is ours."""
    made: pulumi.Output[str] = random.RandomId(MARK, byte_length=3, opts=site.opts).hex
    return made


def _kind(address: str) -> str:
    """Of the record that leads to an address as the settings give it."""
    try:
        return "A" if ip_address(address).version == 4 else "AAAA"  # noqa: PLR2004
    except ValueError:
        return "CNAME"


def _provider(plan: Plan, secrets: Secrets) -> IdentityProvider:
    access = plan.settings.access
    if access.login != "google":
        return IdentityProvider(kind="onetimepin")
    return IdentityProvider(
        kind="google", client_id=access.google_client_id or "", client_secret=secrets.values["google-client-secret"]
    )
