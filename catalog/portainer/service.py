"""Portainer: container management. https://docs.portainer.io/advanced/cli."""

from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Bind, Limits, SecretFile, Service, SignIn, Volume
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="portainer/portainer-ce",
    source="https://github.com/portainer/portainer/blob/develop/build/linux/Dockerfile",
    read="2026-11-28",
    entrypoint=("/portainer",),
    writable=("/data",),
    ports=(8000, 9000, 9443),
    health="GET /api/system/status; no program in the image can ask (portainer/portainer#1364)",
    digests={"2.45.1": "sha256:4d616db18cfeb5dd41a69c0958bc825c84483ea9cde1106eb82a5d26f3bd8b0e"},
    digests_from=PUBLIC_PINS,
)

SERVICE = Service(
    name="portainer",
    # renovate: datasource=docker depName=portainer/portainer-ce
    image="portainer/portainer-ce:2.45.1",
    purpose="Portainer: container management",
    command=("--admin-password-file", "/etc/homeport/admin_password"),
    uid=0,
    # Its set-up page belongs to whoever opens it first: the admin is there from the first start on.
    secret_files=(SecretFile(target="admin_password", template="{portainer-admin-password}", syntax=TEXT),),
    volumes={"data": Volume(path="/data", owner=(0, 0))},
    binds={
        "docker": Bind(
            source="/var/run/docker.sock",
            path="/var/run/docker.sock",
            reason=(
                "managing containers is what it is for; read-only keeps the file, not the daemon: "
                "who is admin here is root on the host"
            ),
        ),
    },
    tmpfs={"/tmp": "rw,noexec,nosuid"},
    set_once=("portainer-admin-password",),
    troubles={
        "its health is never shown": (
            "no program in the image can ask: `curl -fsS http://ADDRESS:9000/api/system/status`, from the VPN"
        ),
    },
    limits=Limits(memory=256, cpus="0.5", pids=128),
    waivers={
        "root": "the socket belongs to root, and its group's number differs from host to host",
        "health": (
            "the image is made from scratch: no program in it can ask (portainer/portainer#1364, open since 2017)"
        ),
    },
    sign_in=SignIn(user="admin", secret="portainer-admin-password"),
    secrets=(SecretSpec(name="portainer-admin-password", purpose="for Portainer's admin, set at its first start"),),
)
