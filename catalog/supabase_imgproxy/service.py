"""imgproxy: images of Supabase's file storage in other sizes. https://docs.imgproxy.net/configuration/options."""

from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, Service, Volume

IMAGE = ImageFacts(
    repository="darthsim/imgproxy",
    source="https://github.com/imgproxy/imgproxy/blob/master/docker/Dockerfile",
    read="2026-11-29",
    user="999",
    entrypoint=("entrypoint.sh",),
    command=("imgproxy",),
    writable=("/tmp", "/var/cache/fontconfig"),
    tools=("bash", "imgproxy"),
    ports=(5001,),
    health="imgproxy health asks its own port",
)

SERVICE = Service(
    name="supabase-imgproxy",
    # renovate: datasource=docker depName=darthsim/imgproxy
    image="darthsim/imgproxy:v3.30.1",
    purpose="Resizes images of Supabase's file storage",
    # Who stores the files may read them.
    uid=1000,
    networks=(NETWORK,),
    env={
        "IMGPROXY_BIND": ":5001",
        # The storage names its files by their whole path.
        "IMGPROXY_LOCAL_FILESYSTEM_ROOT": "/",
        # No URL makes it fetch from elsewhere.
        "IMGPROXY_ALLOWED_SOURCES": "local://",
        "IMGPROXY_USE_ETAG": "true",
        "IMGPROXY_ENABLE_WEBP_DETECTION": "true",
        "IMGPROXY_MAX_SRC_RESOLUTION": "16.8",
        "IMGPROXY_WORKERS": "2",
    },
    volumes={"files": Volume(path="/var/lib/storage", shared="supabase-storage", read_only=True)},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777",
        "/var/cache/fontconfig": "rw,noexec,nosuid,nodev,size=4m,mode=1777",
    },
    health=Health(test=("imgproxy", "health"), interval=10, start_period=15),
    limits=Limits(memory=256, cpus="0.5", pids=64, least=128),
)
