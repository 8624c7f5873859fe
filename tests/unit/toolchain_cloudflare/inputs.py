"""What a program asks for of each type, and what it may ask for instead without a new resource."""

from __future__ import annotations

from tests.support.cloudflare import ACCOUNT, ZONE

DNS = {"zoneId": ZONE, "name": "app.example.com", "type": "A", "content": "192.0.2.1", "ttl": 1, "proxied": True}
TUNNEL = {"accountId": ACCOUNT, "name": "edge", "configSrc": "cloudflare"}
POLICY = {
    "accountId": ACCOUNT,
    "name": "staff",
    "decision": "allow",
    "includes": [{"emailDomain": {"domain": "example.com"}}],
}
APP = {"accountId": ACCOUNT, "name": "app", "domain": "app.example.com", "type": "self_hosted"}
IDP = {"accountId": ACCOUNT, "name": "google", "type": "google", "config": {"clientId": "x", "clientSecret": "y"}}
TOKEN = {"accountId": ACCOUNT, "name": "ci"}
SETTING = {"zoneId": ZONE, "settingId": "ssl", "value": "strict"}
EACH = {"dns": DNS, "tunnel": TUNNEL, "policy": POLICY, "app": APP, "idp": IDP, "token": TOKEN, "setting": SETTING}
CHANGES = {
    "dns": ({"comment": "hello", "content": "192.0.2.2"}, {"comment", "content"}),
    "tunnel": ({"name": "other"}, {"name"}),
    "policy": (
        {"sessionDuration": "1h", "requires": [{"email": {"email": "a@example.com"}}]},
        {"sessionDuration", "requires"},
    ),
    "app": ({"sessionDuration": "1h", "serviceAuth401Redirect": True}, {"sessionDuration", "serviceAuth401Redirect"}),
    "idp": ({"config": {"clientId": "x", "clientSecret": "z"}}, {"config"}),
    "token": ({"duration": "24h"}, {"duration"}),
    "setting": ({"value": "full"}, {"value"}),
}
