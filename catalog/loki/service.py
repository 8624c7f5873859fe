"""Loki: stores logs. https://grafana.com/docs/loki/latest/configure/.

Under the AGPL: it is run as its authors publish it, nothing of it is built or linked here (docs/catalog.md, its stub).
It asks nobody who he is: it is on a network without a way out, and publishes no port.
"""

from homeport.model.image import ImageFacts
from homeport.model.preset import Option
from homeport.model.service import Health, Limits, Service, StaticFile, Volume

IMAGE = ImageFacts(
    repository="grafana/loki",
    source="https://github.com/grafana/loki/blob/v3.6.5/cmd/loki/Dockerfile",
    read="2026-11-29",
    user="10001",
    entrypoint=("/usr/bin/loki",),
    command=("-config.file=/etc/loki/local-config.yaml",),
    writable=("/loki",),
    # Since 3.6.0 there is no shell and no other program in it (grafana/loki#20149).
    tools=("/usr/bin/loki",),
    ports=(3100,),
    health="loki -health asks its own /ready (grafana/loki#20313, in 3.6.5 by #20590)",
)

OPTIONS = {
    "logs-retention": Option(
        default="30d",
        purpose="how long Loki keeps logs: days, weeks or years",
        pattern=r"[1-9][0-9]{0,3}[dwy]",
        shape="a number and d, w or y, such as 30d",
    ),
}
"""What a preset with it lets the settings choose."""

SERVICE = Service(
    name="loki",
    # renovate: datasource=docker depName=grafana/loki
    image="grafana/loki:3.6.5",
    purpose="Stores logs",
    command=("-config.file=/etc/homeport/config.yaml", "-config.expand-env=true", "-target=all"),
    networks=("monitoring",),
    env={"LOKI_RETENTION": "{logs-retention}"},
    files=(StaticFile(source="catalog/loki/files/config.yaml", target="config.yaml"),),
    volumes={"data": Volume(path="/loki", owner=(10001, 10001))},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    health=Health(
        test=("/usr/bin/loki", "-health"),
        interval=15,
        # It is ready a quarter of a minute after its ring.
        start_period=60,
        gate=180,
    ),
    limits=Limits(memory=512, cpus="1.0", pids=128, least=192),
    grace=60,
)
