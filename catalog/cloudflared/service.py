"""cloudflared as a container: a tunnel's connector beside the proxy. https://github.com/cloudflare/cloudflared.

It takes its token from a file, and its routes from Cloudflare. Facts of the image are in ``image.py``.
"""

from catalog.cloudflared.image import IMAGE
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service
from homeport.model.template import TEXT

__all__ = ["IMAGE", "SERVICE"]
_METRICS = "127.0.0.1:20241"

SERVICE = Service(
    name="cloudflared",
    # renovate: datasource=docker depName=cloudflare/cloudflared
    image="cloudflare/cloudflared:2026.8.2",
    purpose="Connects the tunnel to the proxy",
    connector=True,
    command=("tunnel", "run"),
    # The image's own user (Dockerfile).
    uid=65532,
    env={
        # Source: cmd/cloudflared/tunnel/subcommands.go and cmd.go.
        "TUNNEL_TOKEN_FILE": "/etc/homeport/token",
        "TUNNEL_TRANSPORT_PROTOCOL": "http2",
        "TUNNEL_METRICS": _METRICS,
    },
    secret_files=(SecretFile(target="token", template="{cloudflare-tunnel-token}", syntax=TEXT),),
    # Ready is a tunnel with a connection to Cloudflare; the image has no other program than this one.
    health=Health(test=("cloudflared", "tunnel", "--metrics", _METRICS, "ready"), interval=10, start_period=30),
    limits=Limits(memory=128, cpus="0.5", pids=64),
    grace=35,
    secrets=(
        SecretSpec(
            name="cloudflare-tunnel-token",
            kind="token",
            policy="issued",
            purpose="for the connector of the tunnel",
        ),
    ),
)
