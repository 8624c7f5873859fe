"""ai-postgres: PostgreSQL with pgvector, the memory and n8n's store. https://hub.docker.com/r/pgvector/pgvector."""

from catalog import postgres
from homeport.model.service import Health, Limits, Service, StaticFile, Volume

SERVICE = Service(
    name="ai-postgres",
    # renovate: datasource=docker depName=pgvector/pgvector
    image="pgvector/pgvector:pg16",
    purpose="PostgreSQL with pgvector: semantic memory, audit log, n8n's store",
    command=("postgres", "-c", "config_file=/etc/homeport/postgresql.conf"),
    uid=999,
    networks=("ai-data",),
    env={
        # The superuser has no password and no way in over the network: pg_hba.conf below rejects it, and lets it in on the socket
        # inside the container only. A password would stay in the server's environment (docker-library/postgres exports it),
        # and the image asks for one unless told so. This method goes into a pg_hba.conf that is never read.
        "POSTGRES_HOST_AUTH_METHOD": "trust",
        "POSTGRES_INITDB_ARGS": "--data-checksums --auth-local=peer --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8",
        "PGDATA": "/var/lib/postgresql/data/pgdata",
    },
    files=(
        StaticFile(source="catalog/files/ai-postgres/postgresql.conf", target="postgresql.conf"),
        StaticFile(source="catalog/files/ai-postgres/pg_hba.conf", target="pg_hba.conf"),
        StaticFile(source="catalog/files/ai-postgres/pg_ident.conf", target="pg_ident.conf"),
    ),
    volumes={"postgres": Volume(path="/var/lib/postgresql/data", owner=(999, 999))},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=32m,mode=1777",
        "/var/run/postgresql": "rw,noexec,nosuid,nodev,size=1m,uid=999,gid=999,mode=2775",
    },
    health=Health(
        # Over TCP on purpose: while the image initialises the cluster, a server answers on the socket only.
        test=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "ai_user", "-d", "ai_memory"),
        interval=5,
        start_period=60,
    ),
    limits=Limits(memory=512, cpus="1.0", pids=128),
    stop_signal="SIGINT",
    grace=60,
    dev_shm=128,
    secrets=postgres.SECRETS,
)
