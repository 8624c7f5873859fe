"""What ai-orchestrator's services do differently from the catalog's."""

from dataclasses import replace

from catalog.caddy import service as caddy
from catalog.executor import service as executor
from catalog.n8n import service as n8n
from catalog.postgres import service as postgres
from catalog.redis import service as redis
from homeport.model.service import Health, Limits, SecretFile, StaticFile, Volume
from homeport.model.template import FORMULA, WORD

POSTGRES = replace(
    postgres.SERVICE,
    name="ai-postgres",
    # renovate: datasource=docker depName=pgvector/pgvector
    image="pgvector/pgvector:0.8.6-pg16",
    purpose="PostgreSQL with pgvector: semantic memory, audit log, n8n's store",
    networks=("ai-data",),
    env={
        **postgres.SERVICE.env,
        # The superuser has no password and no way in over the network: pg_hba.conf rejects it, and lets it in on the
        # socket inside the container only. A password would stay in the server's environment (docker-library/postgres
        # exports it), and the image asks for one unless this says otherwise. This method goes into a pg_hba.conf that
        # is never read.
        "POSTGRES_HOST_AUTH_METHOD": "trust",
        "POSTGRES_INITDB_ARGS": (
            "--data-checksums --auth-local=peer --auth-host=scram-sha-256 --locale=C.UTF-8 --encoding=UTF8"
        ),
    },
    files=(
        StaticFile(
            source="catalog/presets/ai_orchestrator/postgres/postgresql.conf",
            target="postgresql.conf",
            sizes=("shared_buffers", "work_mem", "maintenance_work_mem", "effective_cache_size"),
        ),
        StaticFile(source="catalog/presets/ai_orchestrator/postgres/pg_hba.conf", target="pg_hba.conf"),
        StaticFile(source="catalog/presets/ai_orchestrator/postgres/pg_ident.conf", target="pg_ident.conf"),
    ),
    volumes={"postgres": Volume(path="/var/lib/postgresql/data", owner=(999, 999))},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=32m,mode=1777",
        "/var/run/postgresql": "rw,noexec,nosuid,nodev,size=1m,uid=999,gid=999,mode=2775",
    },
    health=Health(
        test=("pg_isready", "-q", "-h", "127.0.0.1", "-U", "ai_user", "-d", "ai_memory"),
        interval=5,
        start_period=60,
    ),
    dev_shm=128,
)

REDIS = replace(
    redis.SERVICE,
    name="ai-redis",
    troubles={
        "it is away": "every request works without it, each search about a second slower",
        "a memory that was deleted by hand is still found": "answers are kept for a minute",
    },
    networks=("ai-data",),
    secret_files=(
        SecretFile(
            target="users.acl",
            # Redis splits it at white space, and knows no quotes in it (src/acl.c, ACLLoadFromFile).
            syntax=WORD,
            template=(
                "user default off resetkeys resetchannels -@all\n"
                "user health on nopass resetkeys resetchannels -@all +ping\n"
                "user n8n on >{redis-password} resetkeys ~ai:* resetchannels -@all +ping +hello +auth +select +quit"
                " +client|setname +type +get +set +expire +del +ttl\n"
            ),
        ),
    ),
)

N8N = replace(
    n8n.SERVICE,
    name="ai-n8n",
    purpose="Workflow automation: the four webhooks",
    groups=(10002,),
    networks=("ai-edge", "ai-data"),
    env={
        **n8n.SERVICE.env,
        "DB_POSTGRESDB_HOST": "ai-postgres",
        "HOMEPORT_POSTGRES_HOST": "ai-postgres",
        "HOMEPORT_REDIS_HOST": "ai-redis",
        "N8N_INSTANCE_OWNER_EMAIL": "{owner-email}",
        "N8N_RESTRICT_FILE_ACCESS_TO": "/exchange",
        "HOMEPORT_WEBHOOKS": "memory/ingest memory/search audit/append executor/run",
    },
    files=(
        *n8n.SERVICE.files,
        StaticFile(source="catalog/presets/ai_orchestrator/n8n/credentials.json", target="credentials.json"),
        StaticFile(source="catalog/presets/ai_orchestrator/n8n/preload.cjs", target="preload.cjs"),
        StaticFile(source="catalog/presets/ai_orchestrator/n8n/workflows/*.json", target="workflows"),
    ),
    secret_files=(
        *n8n.SERVICE.secret_files,
        SecretFile(target="memory_password", template="{postgres-password}", syntax=FORMULA),
        SecretFile(target="redis_password", template="{redis-password}", syntax=FORMULA),
        SecretFile(target="embedding_key", template="{embedding-api-key}", syntax=FORMULA),
    ),
    volumes={**n8n.SERVICE.volumes, "exchange": Volume(path="/exchange", shared="exchange")},
    limits=Limits(memory=1280, cpus="2.0", pids=256),
    # Without the executor the webhook executor/run would be there and never answer.
    needs=("ai-postgres", "ai-redis", "ai-executor"),
)

EXECUTOR = replace(executor.SERVICE, name="ai-executor")

CADDY = replace(caddy.SERVICE, name="ai-caddy", networks=("ai-edge",), needs=("ai-n8n",))
