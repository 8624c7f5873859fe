"""PostgreSQL: state, queues, and the store of other services. https://hub.docker.com/_/postgres.

A preset adds ``postgresql.conf`` and ``pg_hba.conf``, says how the cluster is made (``POSTGRES_*``) and which database
the health check asks.
"""

from dataclasses import replace

from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, Service, Volume

IMAGE = ImageFacts(
    repository="postgres",
    source="https://github.com/docker-library/postgres/blob/master/15/alpine3.22/Dockerfile",
    read="2026-11-28",
    entrypoint=("docker-entrypoint.sh",),
    command=("postgres",),
    writable=("/var/lib/postgresql/data", "/var/run/postgresql"),
    tools=("sh", "bash", "psql", "pg_isready", "pg_dump"),
    ports=(5432,),
    health="pg_isready; while the cluster is made the server answers on the socket only",
    digests={
        "15.19-alpine": "sha256:f7d23353e1b15400d22ebe31189f4d314b87a4c129cc400c8c2d8d4ca127bf81",
        "18.1": "sha256:1090bc3a8ccfb0b55f78a494d76f8d603434f7e4553543d6e807bc7bd6bbd17f",
    },
    digests_from=PUBLIC_PINS,
)
PGVECTOR_IMAGE = replace(
    IMAGE,
    repository="pgvector/pgvector",
    source="https://github.com/pgvector/pgvector/blob/master/Dockerfile",
    health="as of the image postgres, on Debian",
    digests={"0.8.6-pg16": "sha256:ccc6e83d6e35e931dc7c5def2022729d5a6c370318d099181995567ff1fb4d6b"},
)

SERVICE = Service(
    name="postgres",
    # renovate: datasource=docker depName=postgres
    image="postgres:15.19-alpine",
    purpose="PostgreSQL",
    command=("postgres", "-c", "config_file=/etc/homeport/postgresql.conf"),
    uid=999,
    env={
        # initdb refuses the volume's own root: what prepared it left a file there.
        "PGDATA": "/var/lib/postgresql/data/pgdata",
        # psql would complain at each end that it cannot write one beside the data: the home is read-only.
        "PSQL_HISTORY": "/dev/null",
    },
    volumes={"data": Volume(path="/var/lib/postgresql/data", owner=(999, 999))},
    health=Health(
        # Over TCP on purpose: while the image initialises the cluster, a server answers on the socket only.
        test=("pg_isready", "-q", "-h", "127.0.0.1"),
        interval=5,
        start_period=60,
    ),
    limits=Limits(memory=512, cpus="1.0", pids=128, least=128),
    # postgres:15-alpine, pgvector/pgvector:0.8.1-pg16: the files of a cluster are read by no other major.
    major=r":(?:[\w.]*-)?(?:pg)?(\d+)(?:[.@-]|$)",
    stop_signal="SIGINT",
    grace=60,
    secrets=(
        SecretSpec(
            name="postgres-password",
            purpose="for PostgreSQL's user: the application's role, or the superuser, as the preset has it",
        ),
    ),
)

ALONE = replace(
    SERVICE,
    # renovate: datasource=docker depName=postgres
    image="postgres:16.14-alpine",
    env={
        **SERVICE.env,
        # The superuser has no password and no way in over the network (pg_hba.conf); a password would stay in the
        # server's environment. This method goes into a pg_hba.conf that is never read.
        "POSTGRES_HOST_AUTH_METHOD": "trust",
        # 999 has no name in the image (its postgres is 70), so `peer` could not know who asks on the socket.
        "POSTGRES_INITDB_ARGS": (
            "--data-checksums --auth-local=trust --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8"
        ),
    },
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=32m,mode=1777",
        "/var/run/postgresql": "rw,noexec,nosuid,nodev,size=1m,uid=999,gid=999,mode=2775",
    },
    secrets=(),
)
"""A server of one application alone, whose superuser is on its socket only: a preset names it, and adds its files."""
