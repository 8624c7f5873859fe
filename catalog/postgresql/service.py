"""PostgreSQL 18 for several applications, each with a database and a role of its own. https://hub.docker.com/_/postgres.

From 18 on the image has its volume at ``/var/lib/postgresql`` and the data in a folder of the major version below
(docker-library/postgres, ``18/trixie/Dockerfile``); one that is mounted where earlier versions had it is refused.

All roles, the superuser among them, have one password, because the description of the system wants it so: who has the
password of one application has all of them. A preset that lists other databases gives each role its own.
"""

from dataclasses import replace

from catalog.postgres import service as postgres
from homeport.model.database import Database, Role
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, StaticFile, Volume
from homeport.model.template import TEXT

PASSWORD = SecretSpec(
    name="postgresql-password",
    purpose="for every role in PostgreSQL: the superuser, n8n, litellm, nocodb and sure",
    variable="POSTGRESQL_PASSWORD",
)

SERVICE = replace(
    postgres.SERVICE,
    name="postgresql",
    # renovate: datasource=docker depName=postgres
    image="postgres:18.1",
    purpose="PostgreSQL for all applications",
    entrypoint=("/bin/bash",),
    command=("/etc/homeport/start.sh", "postgres", "-c", "config_file=/etc/homeport/postgresql.conf"),
    networks=("backend",),
    env={
        "PGDATA": "/var/lib/postgresql/18/docker",
        "POSTGRES_USER": "postgres",
        "POSTGRES_PASSWORD_FILE": "/etc/homeport/password",
        "POSTGRES_INITDB_ARGS": (
            "--data-checksums --auth-local=trust --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8"
        ),
        "PSQL_HISTORY": "/dev/null",
    },
    files=(
        StaticFile(source="catalog/postgresql/files/start.sh", target="start.sh"),
        StaticFile(
            source="catalog/postgresql/files/postgresql.conf",
            target="postgresql.conf",
            sizes=("shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size"),
        ),
        StaticFile(source="catalog/postgresql/files/pg_hba.conf", target="pg_hba.conf"),
    ),
    secret_files=(SecretFile(target="password", template="{postgresql-password}", syntax=TEXT),),
    volumes={"data": Volume(path="/var/lib/postgresql", owner=(999, 999))},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777",
        "/var/run/postgresql": "rw,noexec,nosuid,nodev,size=1m,uid=999,gid=999,mode=2775",
    },
    health=Health(
        test=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "postgres", "-d", "postgres"),
        interval=10,
        start_period=120,
        gate=240,
    ),
    limits=Limits(memory=1024, cpus="1.5", pids=256, least=256),
    secrets=(PASSWORD,),
)

DATABASES = (
    Database(
        name="n8n",
        server="postgresql",
        owner="n8n",
        roles=(Role(name="n8n", secret="postgresql-password"),),
        users=("n8n",),
    ),
    Database(
        name="litellm",
        server="postgresql",
        owner="litellm",
        roles=(Role(name="litellm", secret="postgresql-password"),),
        users=("litellm",),
    ),
    Database(
        name="nocodb",
        server="postgresql",
        owner="nocodb",
        roles=(Role(name="nocodb", secret="postgresql-password"),),
        users=("nocodb",),
    ),
    Database(
        name="sure",
        server="postgresql",
        owner="sure",
        roles=(Role(name="sure", secret="postgresql-password"),),
        # Its migrations make both, and only a superuser may make the second (we-promise/sure, db/schema.rb).
        users=("sure", "sure-worker"),
    ),
)
"""The four databases of the description."""
