"""The resource types that are covered: where the API has them, and by which calls they are made and changed."""

from __future__ import annotations

from typing import Final

from toolchain.plugins.cloudflare.access_fields import APP, IDP, POLICY, SERVICE_TOKEN
from toolchain.plugins.cloudflare.resource import Kind
from toolchain.plugins.cloudflare.zone_fields import DNS, TUNNEL, TUNNEL_CONFIG, ZONE_SETTING

_SCOPED: Final = "<accounts|zones>/<owner>/<id>"
_SECRET_PAIR: Final = ("previousClientSecretExpiresAt", "clientSecretVersion")
KINDS: Final = (
    Kind("dnsRecord:DnsRecord", "/zones/{zoneId}/dns_records", DNS, imports="<zoneId>/<id>"),
    Kind(
        "zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
        "/accounts/{accountId}/cfd_tunnel",
        TUNNEL,
        update="PATCH",
        partial=True,
        imports="<accountId>/<id>",
    ),
    Kind(
        "zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
        "/accounts/{accountId}/cfd_tunnel/{tunnelId}/configurations",
        TUNNEL_CONFIG,
        identity="tunnelId",
        create="PUT",
        lasting=True,
        imports="<accountId>/<tunnelId>",
    ),
    Kind(
        "zeroTrustAccessPolicy:ZeroTrustAccessPolicy",
        "/accounts/{accountId}/access/policies",
        POLICY,
        imports="<accountId>/<id>",
    ),
    Kind("zeroTrustAccessApplication:ZeroTrustAccessApplication", "/{scope}/access/apps", APP, imports=_SCOPED),
    Kind(
        "zeroTrustAccessIdentityProvider:ZeroTrustAccessIdentityProvider",
        "/{scope}/access/identity_providers",
        IDP,
        imports=_SCOPED,
    ),
    Kind(
        "zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken",
        "/{scope}/access/service_tokens",
        SERVICE_TOKEN,
        imports=_SCOPED,
        together=(_SECRET_PAIR, _SECRET_PAIR[::-1]),
    ),
    Kind(
        "zoneSetting:ZoneSetting",
        "/zones/{zoneId}/settings/{settingId}",
        ZONE_SETTING,
        identity="settingId",
        create="PATCH",
        update="PATCH",
        lasting=True,
        imports="<zoneId>/<settingId>",
    ),
)
