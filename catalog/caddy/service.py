"""Caddy: the edge proxy. TLS, API keys, basic auth, headers. https://caddyserver.com/docs/caddyfile.

Its Caddyfile is rendered from the preset's routes (homeport/render/caddy.py).
"""

from dataclasses import replace

from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.service import Build, Health, Limits, Port, Service, Volume

IMAGE = ImageFacts(
    repository="caddy",
    source="https://github.com/caddyserver/caddy-docker/blob/master/2.11/alpine/Dockerfile",
    read="2026-11-28",
    command=("caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"),
    writable=("/config", "/data"),
    tools=("sh", "caddy", "wget"),
    ports=(80, 443, 2019),
    health="none of its own; a site on the loopback address answers",
    digests={"2.11.4-alpine": "sha256:5f5c8640aae01df9654968d946d8f1a56c497f1dd5c5cda4cf95ab7c14d58648"},
    digests_from=PUBLIC_PINS,
)

SERVICE = Service(
    name="caddy",
    # renovate: datasource=docker depName=caddy
    image="caddy:2.11.4-alpine",
    purpose="Edge proxy: TLS, API key, headers",
    edge=True,
    command=("caddy", "run", "--config", "/etc/homeport/Caddyfile", "--adapter", "caddyfile"),
    uid=10001,
    env={"XDG_DATA_HOME": "/data", "XDG_CONFIG_HOME": "/config"},
    volumes={"caddy_data": Volume(path="/data", owner=(10001, 10001))},
    tmpfs={
        "/config": "rw,noexec,nosuid,nodev,size=4m,uid=10001,gid=10001,mode=0700",
        "/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777",
    },
    capabilities={
        "CAP_NET_BIND_SERVICE": (
            "the image's binary carries this file capability; without it the kernel refuses to start it"
        ),
    },
    ports=(Port(name="http", inside=80), Port(name="https", inside=443)),
    health=Health(test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:2020/"), interval=5, start_period=10),
    limits=Limits(memory=256, cpus="1.0", pids=128),
    grace=15,
)

OVH_IMAGE = replace(IMAGE, repository="caddy-ovh", digests={}, digests_from="")
"""What the image that is built holds beside the module: the official one's files (``apps/caddy_ovh``)."""

OVH = replace(
    SERVICE,
    image="caddy-ovh",
    build=Build(folder="apps/caddy_ovh", registry=""),
    health=Health(test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:2020/"), interval=10, start_period=10),
)
"""With the module that sets records at OVH: certificates for names that nobody reaches from outside."""

ON_HOST = replace(
    SERVICE,
    host_network=True,
    env={**SERVICE.env, "HEALTH_PORT": "{port:caddy}"},
    # Nothing translates: it listens at the edge's address and numbers itself, and for its health check on the loopback
    # address. That number comes first, and so is what services.caddy.port changes.
    ports=(Port(name="health", inside=2020, outside=2020, at="here"), *SERVICE.ports),
    health=Health(
        test=("sh", "-c", 'exec wget -q -O /dev/null "http://127.0.0.1:$HEALTH_PORT/"'), interval=5, start_period=10
    ),
    # So that it binds 80 without being root, and without the right of its file, which no-new-privileges voids
    # (docs/adr/0017-host-network.md).
    kernel={"net.ipv4.ip_unprivileged_port_start": "80"},
    waivers={"host_network": "it reaches what is published on the host's loopback address alone"},
)
"""In the host's own network, for a preset whose services are reached at ``127.0.0.1``."""
