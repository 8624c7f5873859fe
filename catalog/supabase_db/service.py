"""Supabase's PostgreSQL: the roles, schemas and extensions that its other services expect.

https://github.com/supabase/postgres. The image makes the cluster with its own scripts (migrations/db/migrate.sh);
``files/start.sh`` then lets the SQL of ``files/sql`` make what upstream mounts beside it (supabase/supabase,
docker/volumes/db), before anybody but itself can connect, and does so again at every start, so that a rotated password
is taken. Where an extension is missing, as in the substitute image, the SQL does without it and says so.
"""

from catalog.supabase.secrets import (
    AUTH_PASSWORD,
    AUTHENTICATOR_PASSWORD,
    POOLER_PASSWORD,
    POSTGRES_PASSWORD,
    STORAGE_PASSWORD,
)
from catalog.supabase.shared import NETWORK
from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile, Volume
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="supabase/postgres",
    source="https://github.com/supabase/postgres/blob/develop/Dockerfile-15",
    read="2026-11-29",
    entrypoint=("docker-entrypoint.sh",),
    command=("postgres", "-D", "/etc/postgresql"),
    writable=("/var/lib/postgresql/data", "/var/run/postgresql", "/etc/postgresql-custom"),
    tools=("sh", "bash", "psql", "pg_isready", "pg_dump"),
    ports=(5432,),
    health="pg_isready; while the cluster is made the server answers on the socket only",
    digests={"15.8.1.085": "sha256:af083ef64d0408c8f098ee6f5c364a59b26f36fbc0f3a334a62c5c1d57362e9b"},
    digests_from=PUBLIC_PINS,
)

SERVICE = Service(
    name="supabase-db",
    # renovate: datasource=docker depName=supabase/postgres
    image="supabase/postgres:15.8.1.085",
    purpose="Supabase's PostgreSQL",
    entrypoint=("/bin/bash",),
    command=("/etc/homeport/start.sh",),
    # The entry point gives the data to the image's user postgres and becomes it.
    uid=0,
    networks=(NETWORK,),
    env={
        # initdb refuses the volume's own root: what prepared it left a file there.
        "PGDATA": "/var/lib/postgresql/data/pgdata",
        "POSTGRES_USER": "supabase_admin",
        "POSTGRES_DB": "postgres",
        # Where the image's own scripts connect: the network is open to nobody yet.
        "POSTGRES_HOST": "/var/run/postgresql",
        "POSTGRES_INITDB_ARGS": (
            "--data-checksums --auth-local=trust --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8"
        ),
        "PSQL_HISTORY": "/dev/null",
    },
    files=(
        StaticFile(source="catalog/supabase_db/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/supabase_db/files/pg_hba.conf", target="pg_hba.conf"),
        StaticFile(source="catalog/supabase_db/files/sql/*.sql", target="sql"),
    ),
    secret_files=(
        SecretFile(target="passwords/admin", template="{supabase-postgres-password}", syntax=TEXT),
        SecretFile(target="passwords/supabase_auth_admin", template="{supabase-auth-password}", syntax=TEXT),
        SecretFile(target="passwords/authenticator", template="{supabase-authenticator-password}", syntax=TEXT),
        SecretFile(target="passwords/supabase_storage_admin", template="{supabase-storage-password}", syntax=TEXT),
        SecretFile(target="passwords/pgbouncer", template="{supabase-pooler-password}", syntax=TEXT),
        SecretFile(target="vault_root_key", template="{supabase-vault-root-key}", syntax=TEXT),
    ),
    volumes={"data": Volume(path="/var/lib/postgresql/data", owner=(0, 0), mode=0o711)},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777",
        "/var/run/postgresql": "rw,noexec,nosuid,nodev,size=1m,mode=3777",
        # Holds the script that the server asks for the key of its vault.
        "/run/homeport": "rw,exec,nosuid,nodev,size=1m,mode=0755",
    },
    dev_shm=128,
    health=Health(
        # Over TCP on purpose: while the image makes the cluster, a server answers on the socket only.
        test=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "supabase_admin", "-d", "postgres"),
        interval=5,
        # The first start runs the image's own scripts, about a hundred of them.
        start_period=120,
        gate=360,
    ),
    limits=Limits(memory=768, cpus="1.5", pids=256, least=256),
    # supabase/postgres:15.8.1.085: the files of a cluster are read by no other major.
    major=r":(\d+)\.",
    capabilities={
        "CAP_CHOWN": "the entry point gives the data to the image's user postgres, whose number no file of it names",
        "CAP_SETUID": "it becomes that user",
        "CAP_SETGID": "and its group",
        "CAP_DAC_OVERRIDE": "it looks into the data, which that user owns, at each start",
        "CAP_FOWNER": "and sets its mode",
    },
    waivers={"root": "the entry point runs as root and starts the server as the image's user postgres"},
    stop_signal="SIGINT",
    grace=60,
    secrets=(
        POSTGRES_PASSWORD,
        AUTH_PASSWORD,
        AUTHENTICATOR_PASSWORD,
        STORAGE_PASSWORD,
        POOLER_PASSWORD,
        SecretSpec(
            name="supabase-vault-root-key",
            kind="hex64",
            encrypts=True,
            purpose="to encrypt what is kept in the vault of Supabase's PostgreSQL; lost, it is unreadable for ever",
        ),
    ),
)
