"""What every n8n of ours has in common: hardened by its environment, provisioned before it starts. Source: docs.n8n.io, hosting, environment variables."""

from types import MappingProxyType

from homeport.model.secret import SecretSpec
from homeport.model.service import SecretFile, StaticFile

ENVIRONMENT = MappingProxyType(
    {
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
        "NODES_EXCLUDE": '["n8n-nodes-base.executeCommand","n8n-nodes-base.ssh","n8n-nodes-base.git","n8n-nodes-base.localFileTrigger","n8n-nodes-base.code"]',
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
        "N8N_DISABLED_MODULES": "mcp-registry,mcp,instance-ai,chat-hub,quick-connect,workflow-builder,community-packages,token-exchange,source-control",
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
    }
)

FILES = (
    StaticFile(source="catalog/files/n8n/start.sh", target="start.sh"),
    StaticFile(source="catalog/files/n8n/provision.cjs", target="provision.cjs"),
    StaticFile(source="catalog/files/n8n/health.cjs", target="health.cjs"),
)
"""A service adds ``credentials.json``, ``workflows/*.json`` and, where it needs them, ``prepare.cjs`` and ``preload.cjs``."""

SECRET_FILES = (
    SecretFile(target="encryption_key", template="{n8n-encryption-key}"),
    SecretFile(target="db_password", template="{n8n-database-password}"),
    SecretFile(target="webhook_api_key", template="{n8n-webhook-api-key}"),
    SecretFile(target="owner_password", template="{n8n-owner-password}"),
)

SECRETS = (
    SecretSpec(name="n8n-database-password", purpose="for n8n's role in PostgreSQL"),
    SecretSpec(
        name="n8n-encryption-key",
        kind="hex64",
        purpose="to encrypt n8n's credentials; lost, they are unreadable for ever",
    ),
    SecretSpec(
        name="n8n-owner-password",
        kind="account-password",
        purpose="for n8n's owner account",
        variable="N8N_BASIC_AUTH_PASSWORD",
    ),
    SecretSpec(
        name="n8n-webhook-api-key",
        kind="hex64",
        purpose="for callers of n8n's webhooks, in the header X-API-Key",
    ),
)

RENAMED = MappingProxyType(
    {
        "N8N_HOST": "settings.hostnames.n8n",
        "N8N_PASSWORD": "n8n-owner-password",
        "n8n-basic-auth-password": "n8n-owner-password",
    }
)
