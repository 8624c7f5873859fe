"""portainer: container management for the VPN's members. https://docs.portainer.io/advanced/cli."""

from homeport.model.secret import SecretSpec
from homeport.model.service import Bind, Limits, Port, SecretFile, Service, Volume

SERVICE = Service(
    name="portainer",
    # renovate: datasource=docker depName=portainer/portainer-ce
    image="portainer/portainer-ce:latest",
    purpose="Portainer: container management, in the VPN only",
    command=("--admin-password-file", "/etc/homeport/admin_password"),
    uid=0,
    networks=("jett_default",),
    # Its set-up page belongs to whoever opens it first: the admin is there from the first start on.
    secret_files=(SecretFile(target="admin_password", template="{portainer-admin-password}"),),
    volumes={"data": Volume(path="/data", owner=(0, 0), name="portainer_data")},
    binds={
        "docker": Bind(
            source="/var/run/docker.sock",
            path="/var/run/docker.sock",
            reason="managing containers is what it is for; read-only keeps the file, not the daemon: who is admin here is root on the host",
        ),
    },
    tmpfs={"/tmp": "rw,noexec,nosuid"},
    capabilities={"CAP_NET_BIND_SERVICE": "asked for by the system's description; 9000 would not need it"},
    ports=(Port(name="portainer", inside=9000, at="vpn", outside=9000),),
    limits=Limits(memory=256, cpus="0.5", pids=128),
    restart="always",
    secrets=(SecretSpec(name="portainer-admin-password", purpose="for Portainer's admin, set at its first start"),),
    waivers={
        "root": "the socket belongs to root, and its group's number differs from host to host",
        "health": "the image is made from scratch: no program in it can ask (portainer/portainer#1364, open since 2017)",
    },
)
