"""ai-orchestrator: n8n with semantic memory (PostgreSQL with pgvector), a cache, and an executor without a network."""

from catalog.backups import offsite
from catalog.presets.ai_orchestrator.backups import BACKUPS
from catalog.presets.ai_orchestrator.services import CADDY, EXECUTOR, N8N, POSTGRES, REDIS
from homeport.model.database import Database, Role
from homeport.model.network import Network
from homeport.model.preset import ExportLayout, NextStep, Option, OptionGroup, Preset
from homeport.model.route import Guard, Route
from homeport.model.secret import SecretSpec
from homeport.model.service import Volume

PRESET = Preset(
    name="ai-orchestrator",
    purpose="AI orchestration: n8n, semantic memory, cache and an isolated executor",
    services=(POSTGRES, REDIS, N8N, EXECUTOR, CADDY),
    networks=(
        Network(name="ai-edge", subnet="172.30.10.0/24", internal=False),
        Network(name="ai-data", subnet="172.30.11.0/24"),
    ),
    shared_volumes={
        "exchange": Volume(
            path="/exchange", data=False, owner=(0, 10002), mode=0o2770, folders=("requests", "results")
        ),
    },
    databases=(
        Database(
            name="ai_memory",
            server="ai-postgres",
            owner="ai_owner",
            roles=(Role(name="ai_owner"), Role(name="ai_user", secret="postgres-password")),
            connect=("ai_user",),
            extensions=("vector",),
            migrations="catalog/presets/ai_orchestrator/postgres/migrations",
            variables=(
                ("embedding_url", "{embedding-url}"),
                ("embedding_model", "{embedding-model}"),
                ("embedding_dimensions", "{embedding-dimensions}"),
            ),
        ),
        Database(
            name="n8n",
            server="ai-postgres",
            owner="n8n",
            roles=(Role(name="n8n", secret="n8n-database-password"),),
            users=("ai-n8n",),
        ),
    ),
    routes=(
        Route(
            name="n8n",
            service="ai-n8n",
            port=5678,
            guards=(
                Guard(
                    kind="api-key",
                    paths=("/webhook/*",),
                    header="X-API-Key",
                    secret="n8n-webhook-api-key",
                    because="every webhook asks for the API key before n8n sees the request",
                ),
                Guard(
                    kind="closed",
                    paths=(
                        "/webhook-test/*",
                        "/webhook-waiting/*",
                        "/form/*",
                        "/form-test/*",
                        "/form-waiting/*",
                        "/mcp/*",
                        "/mcp-test/*",
                        "/metrics",
                    ),
                    because="other ways to a workflow would go round the API key",
                ),
                Guard(
                    kind="basic",
                    user="admin",
                    secret="n8n-owner-password",
                    because=(
                        "n8n ignores its own basic auth variables since 1.0; the editor and its API stand behind this"
                    ),
                ),
            ),
        ),
    ),
    programs=(BACKUPS,),
    options=offsite.OPTIONS,
    # renovate: datasource=docker depName=restic/restic
    tools={"restic": "restic/restic:0.18.1"},
    groups={
        **offsite.GROUPS,
        "embedding": OptionGroup(
            purpose="The service that turns text into vectors (OpenAI's interface).",
            without="Left out: a local, deterministic one, without a key.",
            default="the local one",
            options=(
                (
                    "url",
                    Option(
                        kind="url",
                        default="",
                        purpose="Its address; the key is the secret embedding-api-key.",
                        shape="an https URL such as https://embeddings.example.com/v1",
                        example="https://embeddings.example.com/v1",
                    ),
                ),
                (
                    "model",
                    Option(
                        default="",
                        purpose="The model's name, as that service knows it.",
                        pattern=r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,127}",
                        shape="a model's name",
                        example="text-embedding-3-small",
                    ),
                ),
                (
                    "dimensions",
                    Option(
                        kind="number",
                        # Of the local one: embed_local of migrations/0001_memories.sql.
                        default="384",
                        purpose="The length of a vector; pgvector indexes at most 2000.",
                        shape="a whole number from 1 to 2000",
                        example="1536",
                        low=1,
                        high=2000,
                    ),
                ),
            ),
            skipped="embedding provider: the local deterministic embedder is used; set homeport:settings.embedding",
        ),
    },
    next_steps=(
        NextStep(
            text="Sign in to n8n's editor: make credentials shows the address, the user and how to see the password.",
            service="ai-n8n",
        ),
    ),
    secrets=(
        SecretSpec(
            name="embedding-api-key",
            kind="token",
            policy="supplied",
            purpose="for the service that settings.embedding names",
            variable="EMBEDDING_KEY",
            section="embedding",
        ),
    ),
    renamed={
        "EMBEDDING_URL": "settings.embedding.url",
        "EMBEDDING_MODEL": "settings.embedding.model",
        "EMBEDDING_DIM": "settings.embedding.dimensions",
    },
    export=ExportLayout(
        required=("postgres-password", "n8n-encryption-key", "n8n-owner-password", "n8n-webhook-api-key"),
        folders={"ai-executor": "executor", "ai-n8n": "n8n"},
        documents={"n8n/workflows/README.md": "catalog/presets/ai_orchestrator/n8n/workflows/README.md"},
    ),
)
