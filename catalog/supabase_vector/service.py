"""Vector: takes what Supabase's gateway logs, and hands it to the log service. https://vector.dev/docs/.

Upstream gives it Docker's socket, and with it all of the host, to read every container's log. Here the gateway sends a
line for each request, which Studio shows; what a container itself says is in ``docker logs`` alone.
"""

from catalog.supabase.secrets import LOGFLARE_PUBLIC_TOKEN
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="timberio/vector",
    source="https://github.com/vectordotdev/vector/blob/master/distribution/docker/alpine/Dockerfile",
    read="2026-11-29",
    entrypoint=("/usr/local/bin/vector",),
    writable=("/var/lib/vector",),
    tools=("sh", "wget", "vector"),
    ports=(9001, 9002),
    health="GET /health of its API",
)

SERVICE = Service(
    name="supabase-vector",
    # renovate: datasource=docker depName=timberio/vector
    image="timberio/vector:0.53.0-alpine",
    purpose="Hands the gateway's log to Supabase's log service",
    command=("--config", "/etc/homeport/vector.yaml"),
    networks=(NETWORK,),
    files=(StaticFile(source="catalog/supabase_vector/files/vector.yaml", target="vector.yaml"),),
    secret_files=(SecretFile(target="secrets/logflare_public_token", template="{logflare-public-token}", syntax=TEXT),),
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777",
        "/var/lib/vector": "rw,noexec,nosuid,nodev,size=16m,uid=10001,gid=10001,mode=0700",
    },
    health=Health(test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9001/health"), interval=10, start_period=20),
    limits=Limits(memory=128, cpus="0.5", pids=64, least=64),
    needs=("supabase-analytics",),
    secrets=(LOGFLARE_PUBLIC_TOKEN,),
)
