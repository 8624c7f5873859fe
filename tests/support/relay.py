"""Two proxies on two hosts: one relays webhooks over a private network to the other."""

from __future__ import annotations

from dataclasses import replace

from catalog.caddy.service import SERVICE
from homeport.model.authority import Authority
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.route import Guard, Relay, Route
from homeport.model.service import Limits, Service

DOMAIN = "example.com"
HOOK, N8N = f"hook.{DOMAIN}", f"n8n.{DOMAIN}"
_PATHS = ("/webhook/*", "/webhook-test/*")
_CLOSED = Guard(kind="closed", because="nothing else is for strangers")


def blueprint(to="{mesh:ai}", *, image="caddy:2.11.4-alpine", authority=None, **edge):
    """The system: ``caddy`` answers for n8n on the AI host, ``caddy-vpn`` relays on the VPN host."""
    here = replace(SERVICE, image=image, networks=("front",))
    there = replace(here, name="caddy-vpn")
    n8n = Service(name="n8n", image="n8n", purpose="n8n", limits=Limits(memory=64), networks=("front",))
    hooks = Guard(kind="open", paths=_PATHS, because="they check a signature", itself="its own signature")
    return Blueprint(
        preset="case",
        environment="prod",
        services=(here, there, n8n),
        networks=(),
        routes=(
            Route(name="n8n", service="n8n", port=5678, guards=(Guard(kind="open", because="the other proxy's rule"),)),
            Route(
                name="hook",
                service="",
                port=0,
                relay=Relay(to=f"{to}:443", route="n8n"),
                proxy="caddy-vpn",
                guards=(hooks, _CLOSED),
            ),
        ),
        edge=Edge(
            **{"bind": "0.0.0.0", "ports": {"http": 80, "https": 443}, "public": True, **edge}, authority=authority
        ),
        homes={"caddy": "ai", "caddy-vpn": "vpn", "n8n": "ai"},
        domain=DOMAIN,
        values={"mesh:ai": "100.64.0.2"},
    )


def authority(place):
    """Pebble's, by DNS-01 at the emulated OVH."""
    return Authority(url=place.url, root=place.root + place.roots(), challenge="ovh", endpoint=place.cloud.server.url)
