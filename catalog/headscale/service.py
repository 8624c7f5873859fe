"""headscale: the mesh's control server. https://headscale.net/stable/ref/configuration/.

Its two files are rendered (homeport/render/headscale.py).
"""

from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, Port, Service, Volume

IMAGE = ImageFacts(
    repository="headscale/headscale",
    source="https://github.com/juanfont/headscale/blob/main/.goreleaser.yml",
    read="2026-11-28",
    entrypoint=("/ko-app/headscale",),
    writable=("/var/lib/headscale", "/run/headscale"),
    tools=("/ko-app/headscale",),
    ports=(8080, 9090, 50443, 3478),
    health="headscale users list over its socket; GET /health on its port",
)

CLIENT_IMAGE = ImageFacts(
    repository="tailscale/tailscale",
    source="https://github.com/tailscale/tailscale/blob/main/build_docker.sh",
    read="2026-11-29",
    command=("/usr/local/bin/containerboot",),
    writable=("/var/lib/tailscale",),
    tools=("/usr/local/bin/tailscale", "/usr/local/bin/tailscaled"),
)
"""The client's: its programs are taken out of it, and nothing runs in it."""

SERVICE = Service(
    name="headscale",
    # renovate: datasource=docker depName=headscale/headscale
    image="headscale/headscale:0.26.1",
    purpose="Control server of the mesh",
    command=("serve",),
    networks=("mesh-edge",),
    # STUN: a member behind another's router learns by it where the world sees it. All else comes by the edge proxy.
    ports=(Port(name="stun", inside=3478, protocol="udp", at="mesh", outside=3478),),
    files_at="/etc/headscale",
    volumes={"headscale": Volume(path="/var/lib/headscale", owner=(10001, 10001))},
    tmpfs={"/run/headscale": "rw,noexec,nosuid,nodev,size=1m,uid=10001,gid=10001,mode=0700"},
    # The image has no shell; the command asks the server over its socket, and the server its database.
    health=Health(test=("/ko-app/headscale", "users", "list"), interval=15, start_period=20),
    limits=Limits(memory=256, cpus="0.5", pids=64),
    role="hub",
)
