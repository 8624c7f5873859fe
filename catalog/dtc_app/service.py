"""DTC app: the place for a frontend of one's own, and a page that stands in for it until there is one.

The placeholder is served by Caddy, an image that the system has anyway. ``settings.services.<name>.image`` puts the
real one in its place: it starts as it does by itself, as any user, on a read-only root; it serves HTTP on the port that
``PORT`` names, and has ``wget`` for the health check (images on Alpine do).
"""

from homeport.model.service import Health, Limits, Port, Service, StaticFile

SERVICE = Service(
    name="dtc-app",
    # renovate: datasource=docker depName=caddy
    image="caddy:2.11.4-alpine",
    purpose="Custom frontend",
    # Where Caddy's image looks by itself: no command here stands in the way of another image's own.
    files_at="/etc/caddy",
    env={
        "PORT": "8080",
        "HOSTNAME": "0.0.0.0",
        "NODE_ENV": "production",
        "XDG_DATA_HOME": "/tmp",
        "XDG_CONFIG_HOME": "/tmp",
    },
    files=(
        StaticFile(source="apps/dtc_app/Caddyfile", target="Caddyfile"),
        StaticFile(source="apps/dtc_app/site/*", target="site"),
    ),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=32m,mode=1777"},
    capabilities={
        "CAP_NET_BIND_SERVICE": (
            "Caddy's binary carries this file capability; without it the kernel refuses to start it. It listens on 8080"
        ),
    },
    health=Health(test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/"), interval=15, start_period=30),
    limits=Limits(memory=256, cpus="0.5", pids=128),
    ports=(Port(name="http", inside=8080, outside=3001, at="here"),),
    grace=15,
)
