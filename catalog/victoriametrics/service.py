"""VictoriaMetrics: stores metrics. https://docs.victoriametrics.com/victoriametrics/single-server-victoriametrics/.

It asks nobody who he is: whoever is on its networks reads, writes and deletes. So these are networks without a way out,
and it publishes no port.
"""

from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.preset import Option
from homeport.model.service import Health, Limits, Service, Volume

IMAGE = ImageFacts(
    repository="victoriametrics/victoria-metrics",
    source=(
        "https://github.com/VictoriaMetrics/VictoriaMetrics/blob/v1.135.0/app/victoria-metrics/multiarch/Dockerfile"
    ),
    read="2026-11-29",
    entrypoint=("/victoria-metrics-prod",),
    writable=("/victoria-metrics-data",),
    # Alpine's (deployment/docker/Makefile, ROOT_IMAGE).
    tools=("sh", "wget"),
    ports=(8428,),
    health="GET /health",
    digests={"v1.135.0": "sha256:647f1a19274a362692c0968b926f4acecfdac9488bbf70f1985925d1717063b5"},
    digests_from=PUBLIC_PINS,
)

OPTIONS = {
    "metrics-retention": Option(
        default="90d",
        purpose="how long VictoriaMetrics keeps metrics: days, weeks or years",
        pattern=r"[1-9][0-9]{0,3}[dwy]",
        shape="a number and d, w or y, such as 90d",
    ),
}
"""What a preset with it lets the settings choose."""

SERVICE = Service(
    name="victoriametrics",
    # renovate: datasource=docker depName=victoriametrics/victoria-metrics
    image="victoriametrics/victoria-metrics:v1.135.0",
    purpose="Stores metrics",
    command=(
        "-storageDataPath=/victoria-metrics-data",
        # Before the disk is full it takes nothing more, and still answers: an alert about a full disk needs it.
        "-storage.minFreeDiskSpaceBytes=512MB",
        # Of an address that resolves to IPv6 first it would hear nothing by default.
        "-enableTCP6",
        "-envflag.enable",
        "-envflag.prefix=VM_",
    ),
    networks=("monitoring",),
    env={"VM_retentionPeriod": "{metrics-retention}"},
    volumes={"data": Volume(path="/victoria-metrics-data", owner=(10001, 10001))},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    health=Health(test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:8428/health"), interval=15, start_period=30),
    limits=Limits(memory=512, cpus="1.0", pids=128, least=128),
    # It writes what it has in memory.
    grace=60,
)
