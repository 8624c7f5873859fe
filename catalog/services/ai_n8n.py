"""ai-n8n: workflow automation. https://docs.n8n.io/hosting/configuration/environment-variables/."""

from catalog import n8n
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile, Volume

SERVICE = Service(
    name="ai-n8n",
    # renovate: datasource=docker depName=n8nio/n8n
    image="n8nio/n8n:2.38.7",
    purpose="Workflow automation: the four webhooks",
    entrypoint=("/bin/sh",),
    command=("/etc/homeport/start.sh",),
    uid=1000,
    groups=(10002,),
    networks=("ai-edge", "ai-data"),
    env={
        **n8n.ENVIRONMENT,
        "N8N_EDITOR_BASE_URL": "{origin:n8n}/",
        "N8N_WEBHOOK_URL": "{origin:n8n}/",
        "N8N_HOST": "{host:n8n}",
        "N8N_PROTOCOL": "https",
        "N8N_LISTEN_ADDRESS": "0.0.0.0",
        "DB_POSTGRESDB_HOST": "ai-postgres",
        "HOMEPORT_POSTGRES_HOST": "ai-postgres",
        "HOMEPORT_REDIS_HOST": "ai-redis",
        "N8N_INSTANCE_OWNER_EMAIL": "{owner-email}",
        "N8N_RESTRICT_FILE_ACCESS_TO": "/exchange",
        "N8N_SECURE_COOKIE": "true",
        "HOMEPORT_WEBHOOKS": "memory/ingest memory/search audit/append executor/run",
    },
    files=(
        *n8n.FILES,
        StaticFile(source="catalog/files/ai-n8n/credentials.json", target="credentials.json"),
        StaticFile(source="catalog/files/ai-n8n/preload.cjs", target="preload.cjs"),
        StaticFile(source="catalog/files/ai-n8n/workflows/*.json", target="workflows"),
    ),
    secret_files=(
        *n8n.SECRET_FILES,
        SecretFile(target="memory_password", template="{postgres-password}"),
        SecretFile(target="redis_password", template="{redis-password}"),
        SecretFile(target="embedding_key", template="{embedding-api-key}"),
    ),
    volumes={
        "data": Volume(path="/home/node/.n8n", owner=(1000, 1000)),
        "exchange": Volume(path="/exchange", shared="exchange"),
    },
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777",
        "/home/node/.cache": "rw,noexec,nosuid,nodev,size=128m,uid=1000,gid=1000,mode=0700",
    },
    health=Health(test=("node", "/etc/homeport/health.cjs"), interval=10, timeout=10, start_period=180, gate=480),
    limits=Limits(memory=1280, cpus="2.0", pids=256),
    needs=("ai-postgres", "ai-redis"),
    grace=45,
    secrets=n8n.SECRETS,
    renamed=n8n.RENAMED,
)
