"""Valkey: a cache and a queue that speaks Redis's protocol. https://valkey.io/topics/acl/.

A preset adds the secret file ``users.acl``: who may do what. Whoever has not signed in may say ``ping``, and nothing
else: that is what the health check does.
"""

from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.service import Health, Limits, Service, StaticFile, Volume

IMAGE = ImageFacts(
    repository="valkey/valkey",
    source="https://github.com/valkey-io/valkey-container/blob/mainline/8.0/alpine/Dockerfile",
    read="2026-11-29",
    entrypoint=("docker-entrypoint.sh",),
    command=("valkey-server",),
    writable=("/data",),
    # `make install` makes the redis-* names as well (valkey src/Makefile, USE_REDIS_SYMLINKS).
    tools=("sh", "grep", "valkey-cli", "redis-cli"),
    ports=(6379,),
    health="redis-cli ping; it ends with 0 on an error reply too",
    digests={"8.1.3-alpine": "sha256:d827e7f7552cdee40cc7482dbae9da020f42bc47669af6f71182a4ef76a22773"},
    digests_from=PUBLIC_PINS,
)

SERVICE = Service(
    name="valkey",
    # renovate: datasource=docker depName=valkey/valkey
    image="valkey/valkey:8.1.3-alpine",
    purpose="Cache and queue",
    command=("valkey-server", "/etc/homeport/valkey.conf"),
    uid=999,
    files=(StaticFile(source="catalog/valkey/files/valkey.conf", target="valkey.conf", sizes=("maxmemory",)),),
    volumes={"data": Volume(path="/data", owner=(999, 999))},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=8m,mode=1777"},
    # The answer, not the exit code: `redis-cli ping` ends with 0 on an error reply.
    health=Health(test=("sh", "-c", "redis-cli ping | grep -qx PONG"), interval=5, start_period=10),
    limits=Limits(memory=256, cpus="0.5", pids=64, least=32),
    # Without it a copy of the memory for the file on disk fails where little is free (valkey.io, administration).
    kernel={"vm.overcommit_memory": "1"},
    grace=15,
)
