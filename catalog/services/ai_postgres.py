"""ai-postgres: PostgreSQL with pgvector, the memory and n8n's store. https://hub.docker.com/r/pgvector/pgvector."""

from model.service import Health, Limits, SecretFile, Service, StaticFile, Volume

SERVICE = Service(
    name="ai-postgres",
    # renovate: datasource=docker depName=pgvector/pgvector
    image="pgvector/pgvector:pg16",
    purpose="PostgreSQL with pgvector: semantic memory, audit log, n8n's store",
    command=("postgres", "-c", "config_file=/etc/homeport/postgresql.conf"),
    uid=999,
    networks=("ai-data",),
    env={
        "POSTGRES_PASSWORD_FILE": "/etc/homeport/superuser_password",
        "POSTGRES_INITDB_ARGS": "--data-checksums --auth-local=peer --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8",
        "PGDATA": "/var/lib/postgresql/data/pgdata",
    },
    files=(
        StaticFile(source="catalog/files/ai-postgres/postgresql.conf", target="postgresql.conf"),
        StaticFile(source="catalog/files/ai-postgres/pg_hba.conf", target="pg_hba.conf"),
        StaticFile(source="catalog/files/ai-postgres/pg_ident.conf", target="pg_ident.conf"),
    ),
    secret_files=(SecretFile(target="superuser_password", template="{postgres-superuser-password}"),),
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
)
