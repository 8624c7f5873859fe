"""Alloy: takes containers' logs to Loki and metrics to VictoriaMetrics. https://grafana.com/docs/alloy/latest/reference/.

Upstream's examples give it Docker's socket, and with it all of the host. Here it reads the files that Docker writes the
logs to, by root without a capability, read-only. Its own pages are for nobody but its health check.
"""

from homeport.model.image import ImageFacts
from homeport.model.preset import Option
from homeport.model.service import Bind, Health, Limits, Service, StaticFile, Volume

IMAGE = ImageFacts(
    repository="grafana/alloy",
    source="https://github.com/grafana/alloy/blob/v1.13.0/Dockerfile",
    read="2026-11-29",
    entrypoint=("/bin/alloy",),
    command=("run", "/etc/alloy/config.alloy", "--storage.path=/var/lib/alloy/data"),
    writable=("/var/lib/alloy/data",),
    # No curl and no wget (grafana/alloy#477).
    tools=("bash", "sh", "grep", "/bin/alloy"),
    ports=(12345,),
    health="GET /-/ready on its port",
)

OPTIONS = {
    "node-targets": Option(
        default="[]",
        purpose="the hosts whose node_exporter is asked, as JSON: their addresses and names in the mesh",
        pattern=(
            r'\[(\{"__address__": "[0-9a-z.-]+:[0-9]+", "instance": "[a-z0-9-]+"\}'
            r'(, \{"__address__": "[0-9a-z.-]+:[0-9]+", "instance": "[a-z0-9-]+"\})*)?\]'
        ),
        shape='a list such as [{"__address__": "100.64.0.3:9100", "instance": "workstation"}]',
    ),
}
"""What a preset with it lets the settings choose."""

SERVICE = Service(
    name="alloy",
    # renovate: datasource=docker depName=grafana/alloy
    image="grafana/alloy:v1.13.0",
    purpose="Collects logs and metrics",
    command=(
        "run",
        "/etc/homeport/config.alloy",
        "--storage.path=/var/lib/alloy/data",
        "--server.http.listen-addr=127.0.0.1:12345",
        "--disable-reporting",
    ),
    # The second one for the hosts in the mesh.
    networks=("monitoring", "egress"),
    uid=0,
    env={"NODE_TARGETS": "{node-targets}"},
    files=(StaticFile(source="catalog/alloy/files/config.alloy", target="config.alloy"),),
    binds={
        "logs": Bind(
            source="/var/lib/docker/containers",
            path="/var/lib/docker/containers",
            reason="there Docker writes what containers say; the other way is Docker's socket, and with it the host",
        ),
    },
    # How far it has read, and what it could not hand on yet.
    volumes={"data": Volume(path="/var/lib/alloy/data", owner=(0, 0), data=False)},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    health=Health(
        test=(
            "bash",
            "-c",
            "exec 3<>/dev/tcp/127.0.0.1/12345 && printf 'GET /-/ready HTTP/1.0\\r\\n\\r\\n' >&3 && grep -q ' 200 ' <&3",
        ),
        interval=15,
        start_period=60,
    ),
    limits=Limits(memory=384, cpus="1.0", pids=128, least=192),
    waivers={"root": "the log files belong to root, and nobody else may list their folder; it keeps no capability"},
)
