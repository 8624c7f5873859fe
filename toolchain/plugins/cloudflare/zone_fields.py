"""Properties of DNS records, zone settings and tunnels."""

from __future__ import annotations

from typing import Final

from toolchain.plugins.cloudflare.fields import Field, Fields
from toolchain.plugins.cloudflare.pieces import FLAG, TEXT, output

_SET: Final = Field("boolean", computed=True, default=False)
_DNS_TYPES: Final = tuple(
    kind.lower()
    for kind in (
        *("A", "AAAA", "CAA", "CERT", "CNAME", "DNSKEY", "DS", "HTTPS", "LOC", "MX", "NAPTR", "NS", "OPENPGPKEY"),
        *("PTR", "SMIMEA", "SRV", "SSHFP", "SVCB", "TLSA", "TXT", "URI"),
    )
)
_DNS_DATA: Final = Field(
    "object",
    of={
        **{name: Field() for name in ("certificate", "digest", "fingerprint", "publicKey", "regex", "replacement")},
        **{name: Field() for name in ("service", "tag", "target", "value")},
        **{name: Field("number") for name in ("algorithm", "digestType", "keyTag", "matchingType", "order", "port")},
        **{
            name: Field("number")
            for name in ("preference", "priority", "protocol", "selector", "type", "usage", "weight")
        },
        "flags": Field("any"),
    },
)
_DNS_SETTINGS: Final = Field(
    "object",
    computed=True,
    of={
        "flattenCname": _SET,
        "ipv4Only": Field("boolean", "ipv4_only", computed=True, default=False),
        "ipv6Only": Field("boolean", "ipv6_only", computed=True, default=False),
    },
)
DNS: Final[Fields] = {
    "zoneId": Field(required=True, replaces=True, in_path=True),
    "name": Field(required=True),
    "type": Field(required=True, one_of=_DNS_TYPES),
    "ttl": Field("number", required=True),
    "content": TEXT,
    "data": _DNS_DATA,
    "comment": TEXT,
    "priority": Field("number"),
    "privateRouting": FLAG,
    "proxied": Field("boolean", default=False),
    "settings": _DNS_SETTINGS,
    "tags": Field(many=True, computed=True),
    "commentModifiedOn": output(),
    "createdOn": output(),
    "meta": output("json"),
    "modifiedOn": output(),
    "proxiable": output("boolean"),
    "tagsModifiedOn": output(),
}
_CONNECTION: Final[Fields] = {
    "clientId": TEXT,
    "clientVersion": TEXT,
    "coloName": TEXT,
    "id": TEXT,
    "isPendingReconnect": FLAG,
    "openedAt": TEXT,
    "originIp": TEXT,
    "uuid": TEXT,
}
TUNNEL: Final[Fields] = {
    "accountId": Field(required=True, replaces=True, in_path=True),
    "name": Field(required=True),
    "configSrc": Field(default="local", replaces=True, one_of=("local", "cloudflare")),
    "tunnelSecret": Field(secret=True),
    **{name: output() for name in ("accountTag", "connsActiveAt", "connsInactiveAt", "createdAt", "deletedAt")},
    "connections": Field("object", many=True, computed=True, settable=False, of=_CONNECTION),
    "metadata": output("json"),
    "remoteConfig": output("boolean"),
    "status": output(),
    "tunType": output(),
}
_TUNNEL_ACCESS: Final = Field(
    "object",
    of={
        "audTags": Field(api="audTag", many=True, required=True),
        "required": Field("boolean"),
        "teamName": Field(api="teamName", required=True),
    },
)
# In a tunnel's configuration the API has names in camel case, as cloudflared's own file has them.
_ORIGIN: Final = Field(
    "object",
    "originRequest",
    of={
        "access": _TUNNEL_ACCESS,
        **{name: Field(api=name) for name in ("caPool", "httpHostHeader", "originServerName", "proxyType")},
        **{
            name: Field("integer", name)
            for name in ("connectTimeout", "keepAliveConnections", "keepAliveTimeout", "tcpKeepAlive", "tlsTimeout")
        },
        **{name: Field("boolean", name) for name in ("disableChunkedEncoding", "http2Origin", "noHappyEyeballs")},
        "matchSnItoHost": Field("boolean", "matchSNItoHost"),
        "noTlsVerify": Field("boolean", "noTLSVerify"),
    },
)
_INGRESS: Final[Fields] = {
    "hostname": TEXT,
    "originRequest": _ORIGIN,
    "path": TEXT,
    "service": Field(required=True),
}
TUNNEL_CONFIG: Final[Fields] = {
    "accountId": Field(required=True, replaces=True, in_path=True),
    "tunnelId": Field(required=True, replaces=True, in_path=True),
    "config": Field(
        "object",
        computed=True,
        of={"ingresses": Field("object", "ingress", many=True, of=_INGRESS), "originRequest": _ORIGIN},
    ),
    "source": Field(computed=True, one_of=("local", "cloudflare")),
    "createdAt": output(),
    "version": output("integer"),
}
ZONE_SETTING: Final[Fields] = {
    "zoneId": Field(required=True, replaces=True, in_path=True),
    "settingId": Field(required=True, replaces=True, in_path=True),
    "value": Field("any", required=True),
    "enabled": Field("boolean", computed=True),
    "editable": output("boolean"),
    "modifiedOn": output(),
    "timeRemaining": output("number"),
}
