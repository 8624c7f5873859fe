"""cAdvisor: what each container uses, and how healthy it is, as metrics. https://github.com/google/cadvisor/tree/master/docs.

Upstream's own example gives it ``--privileged``, the host's whole file system, all of ``/var/run`` and all data of all
containers (docs/running.md). Names, health, processor and memory of containers need none of that: the four paths below,
read by root without a single capability.

Its own pages and its metrics ask nobody who he is: it is on a network without a way out, and publishes no port.
"""

from homeport.model.image import ImageFacts
from homeport.model.service import Bind, Health, Limits, Service

IMAGE = ImageFacts(
    repository="ghcr.io/google/cadvisor",
    source="https://github.com/google/cadvisor/blob/v0.55.1/deploy/Dockerfile",
    read="2026-11-29",
    entrypoint=("/usr/bin/cadvisor", "-logtostderr"),
    tools=("sh", "wget"),
    ports=(8080,),
    health="GET /healthz",
)

SERVICE = Service(
    name="cadvisor",
    # renovate: datasource=docker depName=ghcr.io/google/cadvisor
    image="ghcr.io/google/cadvisor:0.55.1",
    purpose="What containers use, as metrics",
    command=(
        "--docker_only=true",
        # Of a container's labels only these: others hold what nobody looks for, and each makes the store larger.
        "--store_container_labels=false",
        "--whitelisted_container_labels=homeport.stack,homeport.service",
        # Those of disks would need the host's file system, those of networks and processes the host's processes.
        "--enable_metrics=cpu,memory,oom_event",
        "--housekeeping_interval=10s",
    ),
    networks=("monitoring",),
    uid=0,
    binds={
        "cgroups": Bind(source="/sys", path="/sys", reason="what a container uses is in the host's control groups"),
        "docker": Bind(
            source="/var/run/docker.sock",
            path="/var/run/docker.sock",
            reason=(
                "names, labels and health of containers are Docker's alone; read-only keeps the file, not the daemon: "
                "who takes over this container is root on the host"
            ),
        ),
        "containerd": Bind(
            # The folder, not the socket in it: a new containerd makes a new socket, and where Docker has a containerd
            # of its own elsewhere there is none.
            source="/run/containerd",
            path="/run/containerd",
            reason="0.55.1 takes no container as Docker's without its socket (container/docker/factory.go, Register)",
        ),
        "layers": Bind(
            source="/var/lib/docker/image",
            path="/var/lib/docker/image",
            reason="each container's layer is looked up there, or the container left out (container/docker/handler.go)",
        ),
    },
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    health=Health(
        test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8080/healthz"), interval=15, start_period=30
    ),
    limits=Limits(memory=256, cpus="0.5", pids=128, least=64),
    waivers={"root": "the sockets and the layers belong to root; it keeps no capability"},
)
