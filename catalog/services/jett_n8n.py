"""n8n: automation, heartbeat and the queue's doors. https://docs.n8n.io/hosting/configuration/environment-variables/."""

from catalog import n8n
from homeport.model.service import Health, Limits, Port, SecretFile, Service, StaticFile, Volume

SERVICE = Service(
    name="n8n",
    # renovate: datasource=docker depName=n8nio/n8n
    image="n8nio/n8n:latest",
    purpose="Workflow automation, heartbeat, offline queue",
    entrypoint=("/bin/sh",),
    command=("/etc/homeport/start.sh",),
    uid=1000,
    networks=("jett_default",),
    env={
        **n8n.ENVIRONMENT,
        # n8n 1.0 took these away; they are set as the system's description asks, and the owner's account has the same user and password
        # (requirements, C-03). The password as a file: the plain variable would stand in `docker inspect`.
        "N8N_BASIC_AUTH_ACTIVE": "true",
        "N8N_BASIC_AUTH_USER": "{n8n-user}",
        "N8N_BASIC_AUTH_PASSWORD_FILE": "/etc/homeport/owner_password",
        "N8N_INSTANCE_OWNER_EMAIL": "{n8n-user}",
        "N8N_EDITOR_BASE_URL": "{origin:n8n}/",
        "N8N_WEBHOOK_URL": "{origin:n8n}/",
        "N8N_HOST": "{host:n8n}",
        "N8N_PROTOCOL": "http",
        "N8N_LISTEN_ADDRESS": "0.0.0.0",
        "N8N_SECURE_COOKIE": "{n8n-secure-cookie}",
        "N8N_RESTRICT_FILE_ACCESS_TO": "/nowhere",
        "DB_POSTGRESDB_HOST": "postgres",
        "HOMEPORT_POSTGRES_HOST": "postgres",
        "HOMEPORT_QDRANT": "http://qdrant:6333",
        "HOMEPORT_QDRANT_COLLECTION": "{qdrant-collection}",
        "HOMEPORT_QDRANT_SIZE": "{qdrant-size}",
        "HOMEPORT_QDRANT_DISTANCE": "{qdrant-distance}",
        "HOMEPORT_WEBHOOKS": "request queue/claim queue/ack queue/fail",
    },
    files=(
        *n8n.FILES,
        StaticFile(source="catalog/files/jett-n8n/credentials.json", target="credentials.json"),
        StaticFile(source="catalog/files/jett-n8n/prepare.cjs", target="prepare.cjs"),
        StaticFile(source="catalog/files/jett-n8n/workflows/*.json", target="workflows"),
    ),
    secret_files=(*n8n.SECRET_FILES, SecretFile(target="app_password", template="{jett-app-password}")),
    volumes={"data": Volume(path="/home/node/.n8n", owner=(1000, 1000), name="n8n_data")},
    tmpfs={
        "/tmp": "rw,noexec,nosuid",
        "/home/node/.cache": "rw,noexec,nosuid,nodev,size=128m,uid=1000,gid=1000,mode=0700",
    },
    ports=(Port(name="n8n", inside=5678, at="vpn", outside=5678),),
    health=Health(test=("node", "/etc/homeport/health.cjs"), interval=10, timeout=10, start_period=180, gate=480),
    limits=Limits(memory=1024, cpus="1.0", pids=256),
    needs=("postgres", "qdrant"),
    restart="always",
    grace=45,
    secrets=n8n.SECRETS,
    renamed=n8n.RENAMED,
)
