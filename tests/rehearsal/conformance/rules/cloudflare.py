"""What differs from run to run in the answers of the cloudflare plugin."""

from __future__ import annotations

from tests.rehearsal.conformance.normalise import Rules

UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def another_version(recorded, actual):
    """The recording's fake never counted the versions of a configuration; the real API does, so does the emulator."""
    return isinstance(actual, (int, float)) and actual >= recorded


RULES = Rules(
    volatile={
        "cloudflare:index/dnsRecord:DnsRecord": {"id": "[0-9a-f]{32}", "createdOn": TIME, "modifiedOn": TIME},
        "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared": {"id": UUID, "createdAt": TIME},
        "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig": {
            "id": UUID,
            "createdAt": TIME,
            "version": another_version,
        },
        "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy": {"id": UUID},
        "cloudflare:index/zeroTrustAccessIdentityProvider:ZeroTrustAccessIdentityProvider": {"id": UUID},
        "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication": {"id": UUID, "aud": "[0-9a-f]{64}"},
        "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken": {
            "id": UUID,
            "clientId": r"[0-9a-f]{32}\.access",
            "clientSecret": "[0-9a-f]{64}",
            "expiresAt": TIME,
        },
        "cloudflare:index/getZeroTrustTunnelCloudflaredToken:getZeroTrustTunnelCloudflaredToken": {
            "token": "[A-Za-z0-9+/]{100,}={0,2}",
        },
    },
)
