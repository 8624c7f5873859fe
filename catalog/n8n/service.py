"""n8n: workflow automation, hardened by its environment and provisioned before it starts.

https://docs.n8n.io/hosting/configuration/environment-variables/. A preset adds ``credentials.json``,
``workflows/*.json`` and, where it needs them, ``prepare.cjs`` and ``preload.cjs``; it says which database and which
webhooks, and has a route named ``n8n``.
"""

from dataclasses import replace

from catalog.postgresql.service import PASSWORD
from catalog.redis.service import PASSWORD as REDIS_PASSWORD
from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.preset import Option
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, SignIn, StaticFile, Volume
from homeport.model.template import FORMULA, TEXT

IMAGE = ImageFacts(
    repository="n8nio/n8n",
    source="https://github.com/n8n-io/n8n/blob/master/docker/images/n8n/Dockerfile",
    read="2026-11-28",
    user="node",
    entrypoint=("tini", "--", "/docker-entrypoint.sh"),
    writable=("/home/node",),
    tools=("node", "sh", "tini"),
    ports=(5678,),
    health="GET /healthz on its port; with the database: /healthz/readiness",
    digests={"2.38.7": "sha256:a8c95f75c6fdf65f5f2b7a7b354744eaa1c62bb911b5c00af6499c3f38e4cd32"},
    digests_from=PUBLIC_PINS,
)

OWNER_PASSWORD = SecretSpec(
    name="n8n-owner-password",
    kind="account-password",
    purpose="for n8n's owner account",
    variable="N8N_BASIC_AUTH_PASSWORD",
)
WEBHOOK_API_KEY = SecretSpec(
    name="n8n-webhook-api-key", kind="hex64", purpose="for callers of n8n's webhooks, in the header X-API-Key"
)

SERVICE = Service(
    name="n8n",
    # renovate: datasource=docker depName=n8nio/n8n
    image="n8nio/n8n:2.38.7",
    purpose="Workflow automation",
    entrypoint=("/bin/sh",),
    command=("/etc/homeport/start.sh",),
    uid=1000,
    env={
        "N8N_PORT": "5678",
        "N8N_PROXY_HOPS": "1",
        "DB_TYPE": "postgresdb",
        "DB_POSTGRESDB_PORT": "5432",
        "DB_POSTGRESDB_DATABASE": "n8n",
        "DB_POSTGRESDB_USER": "n8n",
        "DB_POSTGRESDB_PASSWORD_FILE": "/etc/homeport/db_password",
        "DB_POSTGRESDB_POOL_SIZE": "5",
        "N8N_ENCRYPTION_KEY_FILE": "/etc/homeport/encryption_key",
        "HOMEPORT_FILES": "/etc/homeport",
        "N8N_INSTANCE_OWNER_FIRST_NAME": "Platform",
        "N8N_INSTANCE_OWNER_LAST_NAME": "Owner",
        "N8N_BLOCK_ENV_ACCESS_IN_NODE": "true",
        "N8N_BLOCK_FILE_ACCESS_TO_N8N_FILES": "true",
        "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS": "true",
        # Every node that runs what its user writes, in n8n's own process, in a runner or in a shell, and two more: one
        # that exhausts the process's memory, one that watches its files. tests/rehearsal/images/test_nodes.py reads the
        # image's own nodes for others.
        "NODES_EXCLUDE": (
            '["n8n-nodes-base.code","n8n-nodes-base.function","n8n-nodes-base.functionItem",'
            '"n8n-nodes-base.aiTransform","n8n-nodes-base.sort","n8n-nodes-base.itemLists",'
            '"@n8n/n8n-nodes-langchain.code","@n8n/n8n-nodes-langchain.toolCode",'
            '"n8n-nodes-base.executeCommand","n8n-nodes-base.ssh","n8n-nodes-base.git",'
            '"n8n-nodes-base.localFileTrigger","n8n-nodes-base.debugHelper"]'
        ),
        "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
        "N8N_PUBLIC_API_DISABLED": "true",
        "N8N_PUBLIC_API_SWAGGERUI_DISABLED": "true",
        "N8N_SAMESITE_COOKIE": "strict",
        "N8N_PYTHON_ENABLED": "false",
        "N8N_PAYLOAD_SIZE_MAX": "1",
        "N8N_RUNNERS_MODE": "external",
        "N8N_MCP_ACCESS_ENABLED": "false",
        "N8N_AI_ENABLED": "false",
        "N8N_DIAGNOSTICS_ENABLED": "false",
        "N8N_VERSION_NOTIFICATIONS_ENABLED": "false",
        "N8N_VERSION_NOTIFICATIONS_WHATS_NEW_ENABLED": "false",
        "N8N_DYNAMIC_BANNERS_ENABLED": "false",
        "N8N_TEMPLATES_ENABLED": "false",
        "N8N_HIRING_BANNER_ENABLED": "false",
        "N8N_PERSONALIZATION_ENABLED": "false",
        "N8N_LICENSE_AUTO_RENEW_ENABLED": "false",
        "N8N_DISABLED_MODULES": (
            "mcp-registry,mcp,instance-ai,chat-hub,quick-connect,workflow-builder,community-packages,token-exchange,"
            "source-control"
        ),
        "N8N_UNVERIFIED_PACKAGES_ENABLED": "false",
        "N8N_RUNNERS_TASK_TIMEOUT": "60",
        "N8N_COMPRESSION_NODE_MAX_DECOMPRESSED_SIZE_BYTES": "268435456",
        "N8N_COMPRESSION_NODE_MAX_ZIP_ENTRIES": "1000",
        "EXECUTIONS_DATA_SAVE_ON_SUCCESS": "none",
        "EXECUTIONS_DATA_SAVE_ON_ERROR": "none",
        "EXECUTIONS_DATA_PRUNE": "true",
        "EXECUTIONS_DATA_MAX_AGE": "168",
        "EXECUTIONS_DATA_HARD_DELETE_BUFFER": "0",
        "EXECUTIONS_DATA_PRUNE_HARD_DELETE_INTERVAL": "5",
        "EXECUTIONS_TIMEOUT": "60",
        "EXECUTIONS_TIMEOUT_MAX": "120",
        "N8N_GRACEFUL_SHUTDOWN_TIMEOUT": "40",
        "GENERIC_TIMEZONE": "UTC",
        "N8N_LOG_LEVEL": "info",
        "N8N_EDITOR_BASE_URL": "{origin:n8n}/",
        "N8N_WEBHOOK_URL": "{origin:n8n}/",
        "N8N_HOST": "{host:n8n}",
        "N8N_PROTOCOL": "https",
        "N8N_LISTEN_ADDRESS": "0.0.0.0",
        "N8N_RESTRICT_FILE_ACCESS_TO": "/nowhere",
        "N8N_SECURE_COOKIE": "true",
    },
    files=(
        StaticFile(source="catalog/n8n/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/n8n/files/provision.cjs", target="provision.cjs"),
        StaticFile(source="catalog/n8n/files/health.cjs", target="health.cjs"),
        StaticFile(source="catalog/n8n/files/harden.cjs", target="harden.cjs"),
    ),
    secret_files=(
        SecretFile(target="encryption_key", template="{n8n-encryption-key}", syntax=TEXT),
        SecretFile(target="db_password", template="{n8n-database-password}", syntax=TEXT),
        # What credentials.json names goes into fields of n8n that may be formulas.
        SecretFile(target="webhook_api_key", template="{n8n-webhook-api-key}", syntax=FORMULA),
        SecretFile(target="owner_hash", template="{n8n-owner-password|bcrypt}", syntax=TEXT),
    ),
    volumes={"data": Volume(path="/home/node/.n8n", owner=(1000, 1000))},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777",
        "/home/node/.cache": "rw,noexec,nosuid,nodev,size=128m,uid=1000,gid=1000,mode=0700",
    },
    health=Health(test=("node", "/etc/homeport/health.cjs"), interval=10, timeout=10, start_period=180, gate=480),
    troubles={
        "a workflow that came with the preset is again as it was": (
            "a change of it in the editor lasts until the next change here: copy it first"
        ),
        "it stops at each start, and its log speaks of the encryption key": (
            "its data was written with another key: give the stack that one back"
        ),
    },
    limits=Limits(memory=1024, cpus="1.0", pids=256),
    grace=45,
    sign_in=SignIn(user="{owner-email}", secret="n8n-owner-password"),
    secrets=(
        SecretSpec(name="n8n-database-password", purpose="for n8n's role in PostgreSQL"),
        SecretSpec(
            name="n8n-encryption-key",
            kind="hex64",
            encrypts=True,
            purpose="to encrypt n8n's credentials; lost, they are unreadable for ever",
        ),
        OWNER_PASSWORD,
        WEBHOOK_API_KEY,
    ),
    renamed={
        "N8N_HOST": "settings.hostnames.n8n",
        "N8N_PASSWORD": "n8n-owner-password",
        "n8n-basic-auth-password": "n8n-owner-password",
    },
)

_NAME = r"[^\W\d_](?:(?:[^\W_]|[ '-]){0,30}[^\W_])?"
_SHAPE = "1 to 32 letters, digits, blanks, ' and -, a letter first and no blank at the end"
OPTIONS = {
    "owner-email": Option(
        default="",
        purpose="the address by which the owner signs in; empty: `acme_email`",
        kind="mail",
        shape="a mail address",
        example="owner@example.com",
    ),
    "owner-first-name": Option(default="Platform", purpose="the owner's first name", pattern=_NAME, shape=_SHAPE),
    "owner-last-name": Option(default="Owner", purpose="the owner's last name", pattern=_NAME, shape=_SHAPE),
}
"""What a preset with `OWNED_ONCE` lets the settings choose."""

OWNED_ONCE = replace(
    SERVICE,
    # renovate: datasource=docker depName=n8nio/n8n
    image="n8nio/n8n:2.38.7",
    networks=("backend", "egress"),
    env={
        **SERVICE.env,
        "DB_POSTGRESDB_HOST": "postgresql",
        "N8N_INSTANCE_OWNER_EMAIL": "{owner-email}",
        "N8N_INSTANCE_OWNER_FIRST_NAME": "{owner-first-name}",
        "N8N_INSTANCE_OWNER_LAST_NAME": "{owner-last-name}",
        # What its processes share for a while, sessions that were ended among it.
        "N8N_CACHE_BACKEND": "redis",
        "QUEUE_BULL_REDIS_HOST": "redis",
        "QUEUE_BULL_REDIS_PASSWORD_FILE": "/etc/homeport/redis_password",
    },
    files=(
        StaticFile(source="catalog/n8n/files/start_once.sh", target="start.sh"),
        StaticFile(source="catalog/n8n/files/owned.cjs", target="owned.cjs"),
        StaticFile(source="catalog/n8n/files/provision.cjs", target="provision.cjs"),
        StaticFile(source="catalog/n8n/files/health.cjs", target="health.cjs"),
        StaticFile(source="catalog/n8n/files/harden.cjs", target="harden.cjs"),
    ),
    secret_files=(
        SecretFile(target="encryption_key", template="{n8n-short-encryption-key}", syntax=TEXT),
        SecretFile(target="db_password", template="{postgresql-password}", syntax=TEXT),
        SecretFile(target="redis_password", template="{redis-password}", syntax=TEXT),
        SecretFile(target="webhook_api_key", template="{n8n-webhook-api-key}", syntax=FORMULA),
        SecretFile(target="owner_hash", template="{n8n-owner-password|bcrypt}", syntax=TEXT),
    ),
    health=Health(
        test=(
            "node",
            "-e",
            "fetch('http://127.0.0.1:5678/').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))",
        ),
        interval=10,
        timeout=10,
        start_period=180,
        gate=480,
    ),
    set_once=("n8n-owner-password",),
    needs=("postgresql", "redis"),
    secrets=(
        PASSWORD,
        REDIS_PASSWORD,
        SecretSpec(
            # Another name than the key of 64 digits that other presets have: one name means one thing.
            name="n8n-short-encryption-key",
            kind="hex32",
            encrypts=True,
            purpose="to encrypt n8n's credentials; lost, they are unreadable for ever",
            variable="N8N_ENCRYPTION_KEY",
        ),
        OWNER_PASSWORD,
        WEBHOOK_API_KEY,
    ),
)
"""n8n on a PostgreSQL and a Redis of several applications; its owner is made on the first start alone."""
