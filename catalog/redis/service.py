"""Redis: a short-term cache. https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/.

A preset adds the secret file ``users.acl``: who may do what; the health check signs in as ``health``. ``V8`` has its
own: one password for everybody on its network.
"""

from dataclasses import replace

from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile, Volume
from homeport.model.template import TEXT, WORD

IMAGE = ImageFacts(
    repository="redis",
    source="https://github.com/redis/docker-library-redis/blob/release/7.4/alpine/Dockerfile",
    read="2026-11-28",
    entrypoint=("docker-entrypoint.sh",),
    command=("redis-server",),
    writable=("/data",),
    tools=("sh", "grep", "redis-cli"),
    ports=(6379,),
    health="redis-cli ping",
    digests={
        "7.4.11-alpine": "sha256:858f009f9709ce576febc734aa78b8f6d624b82571f9ddb6bda4377c833b3499",
        "8.0.5-alpine": "sha256:6c8e66693fa71bad36ae06c75c990446ad01dbd4b081dd847eb9869f20d7c6ee",
    },
    digests_from=PUBLIC_PINS,
)

PASSWORD = SecretSpec(name="redis-password", purpose="for the clients of Redis")

SERVICE = Service(
    name="redis",
    # renovate: datasource=docker depName=redis
    image="redis:7.4.11-alpine",
    purpose="Short-term cache",
    command=("redis-server", "/etc/homeport/redis.conf"),
    uid=999,
    files=(StaticFile(source="catalog/redis/files/redis.conf", target="redis.conf", sizes=("maxmemory",)),),
    volumes={"redis": Volume(path="/data", owner=(999, 999))},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=8m,mode=1777"},
    health=Health(
        test=("sh", "-c", "redis-cli --user health --pass health --no-auth-warning ping | grep -qx PONG"),
        interval=5,
        start_period=10,
    ),
    limits=Limits(memory=192, cpus="0.5", pids=64, least=32),
    # Without it a copy of the memory for the file on disk fails where little is free (redis.io, administration).
    kernel={"vm.overcommit_memory": "1"},
    grace=15,
    secrets=(PASSWORD,),
)

V8 = replace(
    SERVICE,
    # From 8 on Redis may be taken under the AGPL, and under two licences that are not free software: who runs the image
    # runs it unchanged, as a program of its own. Nothing of it is linked into, or built by, this project.
    # renovate: datasource=docker depName=redis
    image="redis:8.0.5-alpine",
    purpose="Redis: sessions, queues and caches",
    networks=("backend",),
    files=(StaticFile(source="catalog/redis/files/redis8.conf", target="redis.conf", sizes=("maxmemory",)),),
    secret_files=(
        SecretFile(
            target="users.acl",
            # `default` is who signs in by a password alone, as redis://:<password>@redis:6379 does. Libraries of queues
            # ask for the server's version (INFO), caches for their keys; a backup writes the snapshot.
            template=(
                "user default on >{redis-password} resetkeys ~* resetchannels &* +@all"
                " -@admin -@dangerous +info +keys +flushdb +bgsave +lastsave\n"
                "user health on nopass resetkeys resetchannels -@all +ping\n"
            ),
            syntax=WORD,
        ),
        # For a backup, which reads it here.
        SecretFile(target="password", template="{redis-password}", syntax=TEXT),
    ),
    health=Health(
        test=("sh", "-c", "redis-cli --user health --pass health --no-auth-warning ping | grep -qx PONG"),
        interval=10,
        start_period=10,
    ),
    # The image's own modules take memory as well: search, JSON, time series.
    limits=Limits(memory=384, cpus="0.5", pids=64, least=128),
)
"""Redis 8 for several applications, whose snapshots are on its volume."""
