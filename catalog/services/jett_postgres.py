"""postgres: jett's state and queue, and n8n's store. https://hub.docker.com/_/postgres."""

from catalog import postgres
from homeport.model.service import Health, Limits, Port, SecretFile, Service, StaticFile, Volume

SERVICE = Service(
    name="postgres",
    # renovate: datasource=docker depName=postgres
    image="postgres:15-alpine",
    purpose="PostgreSQL: state, the offline queue, n8n's store",
    command=("postgres", "-c", "config_file=/etc/homeport/postgresql.conf"),
    uid=999,
    networks=("jett_default",),
    env={
        "POSTGRES_USER": "{postgres-user}",
        # As a file, not as POSTGRES_PASSWORD: that would stand in `docker inspect` and in the server's environment.
        "POSTGRES_PASSWORD_FILE": "/etc/homeport/superuser_password",
        "POSTGRES_DB": "jett",
        # initdb refuses the volume's own root: what prepared it left a file there.
        "PGDATA": "/var/lib/postgresql/data/pgdata",
        # 999 has no name in the image (its postgres is 70), so `peer` could not know who asks on the socket.
        "POSTGRES_INITDB_ARGS": "--data-checksums --auth-local=trust --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8",
    },
    files=(
        StaticFile(source="catalog/files/jett-postgres/postgresql.conf", target="postgresql.conf"),
        StaticFile(source="catalog/files/jett-postgres/pg_hba.conf", target="pg_hba.conf"),
    ),
    secret_files=(SecretFile(target="superuser_password", template="{postgres-password}"),),
    volumes={"data": Volume(path="/var/lib/postgresql/data", owner=(999, 999), name="postgres_data")},
    tmpfs={"/tmp": "rw,noexec,nosuid", "/run/postgresql": "rw"},
    ports=(Port(name="postgres", inside=5432, at="vpn", outside=5432),),
    health=Health(
        # Over TCP on purpose: while the image initialises the cluster, a server answers on the socket only.
        test=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "jett_app", "-d", "jett"),
        interval=5,
        start_period=60,
    ),
    limits=Limits(memory=512, cpus="0.5", pids=128),
    restart="always",
    stop_signal="SIGINT",
    grace=60,
    secrets=postgres.SECRETS,
)
