"""One resource after another, as the engine drives a plugin."""

from __future__ import annotations

from toolchain.plugins.base import plain

TYPES = {
    "dns": "cloudflare:index/dnsRecord:DnsRecord",
    "tunnel": "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared",
    "ingress": "cloudflare:index/zeroTrustTunnelCloudflaredConfig:ZeroTrustTunnelCloudflaredConfig",
    "policy": "cloudflare:index/zeroTrustAccessPolicy:ZeroTrustAccessPolicy",
    "app": "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
    "idp": "cloudflare:index/zeroTrustAccessIdentityProvider:ZeroTrustAccessIdentityProvider",
    "token": "cloudflare:index/zeroTrustAccessServiceToken:ZeroTrustAccessServiceToken",
    "setting": "cloudflare:index/zoneSetting:ZoneSetting",
}


class Stack:
    def __init__(self, plugin, cloud):
        self.plugin, self.cloud = plugin, cloud

    def of(self, kind):
        return self.plugin.resources[TYPES[kind]], f"urn:pulumi:dev::p::{TYPES[kind]}::{kind}"

    def check(self, kind, inputs):
        resource, urn = self.of(kind)
        return plain(resource.check(urn, {}, inputs, b""))

    def up(self, kind, inputs):
        resource, urn = self.of(kind)
        news = self.check(kind, inputs)
        key, state = resource.create(urn, news, preview=False, timeout=0)
        assert not self.diff(kind, key, state, inputs).changes, "what was just made does not differ from its inputs"
        return key, plain(state)

    def diff(self, kind, key, state, inputs):
        resource, urn = self.of(kind)
        return resource.diff(urn, key, plain(state), {}, self.check(kind, inputs))

    def update(self, kind, key, state, inputs, *, preview=False):
        resource, urn = self.of(kind)
        return plain(resource.update(urn, key, state, {}, self.check(kind, inputs), preview=preview, timeout=0))

    def refresh(self, kind, key, state, inputs):
        resource, urn = self.of(kind)
        answer = resource.read(urn, key, state, inputs)
        return answer and plain(list(answer))

    def down(self, kind, key, state):
        resource, urn = self.of(kind)
        resource.delete(urn, key, state, timeout=0)
