"""LiteLLM: one address and one budget for all language models. https://docs.litellm.ai/docs/proxy/configs.

``files/config.yaml`` has providers, models and cache; ``apps/budget_guard/budget.json`` has what may be spent, where a
preset's options do not say it. A preset has a route named ``litellm``, the services ``postgresql``, ``redis``,
``qdrant`` and ``budget-guard``, and the options of the latter.

Its image for other users than root has all that it runs in it, and how it is started with a read-only root is
upstream's too (BerriAI/litellm, ``docker-compose.hardened.yml``).
"""

from catalog.budget_guard.service import CHOSEN
from catalog.postgresql.service import PASSWORD
from catalog.qdrant.service import API_KEY
from catalog.redis.service import PASSWORD as REDIS_PASSWORD
from homeport.model.image import ImageFacts
from homeport.model.preset import Option
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, SignIn, StaticFile
from homeport.model.template import TEXT, URL

IMAGE = ImageFacts(
    repository="ghcr.io/berriai/litellm-non_root",
    source="https://github.com/BerriAI/litellm/blob/main/docker/Dockerfile.non_root",
    read="2026-11-29",
    user="nobody",
    entrypoint=("/app/docker/prod_entrypoint.sh",),
    command=("--port", "4000"),
    writable=("/app/migrations", "/tmp"),
    tools=("sh", "cat", "python", "litellm", "prisma", "node"),
    ports=(4000,),
    health="GET /health/readiness: 200, or 503 without its database; /health calls every model",
)

MASTER_KEY = SecretSpec(
    name="litellm-master-key",
    kind="sk-key",
    purpose="for LiteLLM's administrator, as the bearer token: with sk- before it, unless it begins so",
)
OPENCLAW_KEY = SecretSpec(
    name="litellm-openclaw-key",
    kind="sk-key",
    purpose="for OpenClaw at LiteLLM, as the bearer token: it calls models and spends at most the day's limit",
)

OPTIONS = {
    "litellm-user": Option(
        default="admin",
        purpose="who signs in to LiteLLM's web page",
        pattern=r"[A-Za-z0-9][A-Za-z0-9@._-]{0,63}",
        shape="1 to 64 letters, digits, '@', '.', _ and -, a letter or a digit first",
    ),
}
"""What a preset with it lets the settings choose."""

SERVICE = Service(
    name="litellm",
    # renovate: datasource=docker depName=ghcr.io/berriai/litellm-non_root
    image="ghcr.io/berriai/litellm-non_root:v1.108.7",
    purpose="One address and one budget for all language models",
    entrypoint=("/bin/sh", "/etc/homeport/start.sh"),
    command=("litellm", "--config", "/etc/homeport/config.yaml", "--port", "4000"),
    # The image's nobody.
    uid=65534,
    networks=("backend", "egress"),
    env={
        **CHOSEN,
        "LITELLM_MIGRATION_DIR": "/app/migrations",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_MODE": "PRODUCTION",
        "UI_USERNAME": "{litellm-user}",
        "PROXY_BASE_URL": "{origin:litellm}",
        "QDRANT_API_BASE": "http://qdrant:6333",
        "BYTEPLUS_TASKS": "https://ark.ap-southeast.bytepluses.com/api/v3/contents/generations/tasks",
        "DO_NOT_TRACK": "1",
        "HOME": "/tmp",
        "XDG_CACHE_HOME": "/tmp/cache",
        "PYTHONDONTWRITEBYTECODE": "1",
    },
    files=(
        StaticFile(source="catalog/litellm/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/litellm/files/client_keys", target="client_keys"),
        StaticFile(source="catalog/litellm/files/config.yaml", target="config.yaml"),
        StaticFile(source="catalog/litellm/files/health", target="health"),
        # The budget's half that stands before every call.
        StaticFile(source="apps/budget_guard/budget_hook.py", target="budget_hook.py"),
        StaticFile(source="apps/budget_guard/budget_litellm.py", target="budget_litellm.py"),
        StaticFile(source="apps/budget_guard/budget_ledger.py", target="budget_ledger.py"),
        StaticFile(source="apps/budget_guard/budget_ledger.lua", target="budget_ledger.lua"),
        StaticFile(source="apps/budget_guard/budget_price.py", target="budget_price.py"),
        StaticFile(source="apps/budget_guard/budget_cache.py", target="budget_cache.py"),
        StaticFile(source="apps/budget_guard/budget.json", target="budget.json"),
    ),
    secret_files=(
        SecretFile(
            target="env/DATABASE_URL",
            template="postgresql://litellm:{postgresql-password}@postgresql:5432/litellm",
            syntax=URL,
        ),
        SecretFile(target="env/REDIS_URL", template="redis://:{redis-password}@redis:6379", syntax=URL),
        SecretFile(target="redis_password", template="{redis-password}", syntax=TEXT),
        SecretFile(target="env/QDRANT_API_KEY", template="{qdrant-api-key}", syntax=TEXT),
        SecretFile(target="env/LITELLM_MASTER_KEY", template="{litellm-master-key|prefix:sk-}", syntax=TEXT),
        # Each client has a key of its own, which its start makes in its database.
        SecretFile(target="clients/openclaw", template="{litellm-openclaw-key|prefix:sk-}", syntax=TEXT),
        SecretFile(target="env/LITELLM_SALT_KEY", template="{litellm-salt-key|prefix:sk-}", syntax=TEXT),
        SecretFile(target="env/UI_PASSWORD", template="{litellm-ui-password}", syntax=TEXT),
        SecretFile(target="env/ANTHROPIC_API_KEY", template="{anthropic-api-key}", syntax=TEXT),
        SecretFile(target="env/OPENAI_API_KEY", template="{openai-api-key}", syntax=TEXT),
        SecretFile(target="env/OPENROUTER_API_KEY", template="{openrouter-api-key}", syntax=TEXT),
        SecretFile(target="env/GEMINI_API_KEY", template="{google-gemini-api-key}", syntax=TEXT),
        SecretFile(target="env/BYTEPLUS_API_KEY", template="{byteplus-api-key}", syntax=TEXT),
        SecretFile(target="env/BRAVE_API_KEY", template="{brave-search-api-key}", syntax=TEXT),
    ),
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=128m,mode=1777",
        # Where it copies its migrations to before it runs them.
        "/app/migrations": "rw,noexec,nosuid,nodev,size=64m,uid=65534,gid=65534,mode=0700",
    },
    health=Health(
        test=("python", "/etc/homeport/health"),
        interval=20,
        timeout=10,
        # The first start makes its tables, in about two hundred migrations.
        start_period=180,
        gate=420,
    ),
    troubles={
        "429, `budget_eco`, `budget_blocked` or `budget_provider`": (
            "the day's budget is spent, or nearly; the answer says until when ([budget](../budget.md#modes))"
        ),
        "422, `budget_exceeded`, `Key=openclaw`": (
            "the second line: by LiteLLM's own records this client has spent the day's limit "
            "([budget](../budget.md#modes)); another client's calls are served"
        ),
        "503, `budget_unavailable`": (
            "Redis is away, and nothing can be reserved there ([budget](../budget.md#when-something-is-away))"
        ),
    },
    limits=Limits(memory=1536, cpus="1.5", pids=256, least=768),
    needs=("postgresql", "redis", "qdrant"),
    grace=30,
    sign_in=SignIn(user="{litellm-user}", secret="litellm-ui-password"),
    secrets=(
        PASSWORD,
        REDIS_PASSWORD,
        API_KEY,
        MASTER_KEY,
        OPENCLAW_KEY,
        SecretSpec(
            name="litellm-salt-key",
            kind="sk-key",
            encrypts=True,
            purpose="to encrypt what LiteLLM stores of its providers' keys; lost, they are unreadable for ever",
        ),
        SecretSpec(name="litellm-ui-password", kind="account-password", purpose="for LiteLLM's web page"),
        SecretSpec(name="anthropic-api-key", kind="token", policy="supplied", purpose="for Claude at Anthropic"),
        SecretSpec(name="openai-api-key", kind="token", policy="supplied", purpose="for models at OpenAI"),
        SecretSpec(name="openrouter-api-key", kind="token", policy="supplied", purpose="for models at OpenRouter"),
        SecretSpec(name="google-gemini-api-key", kind="token", policy="supplied", purpose="for Gemini at Google"),
        SecretSpec(name="byteplus-api-key", kind="token", policy="supplied", purpose="for video at BytePlus"),
        SecretSpec(name="brave-search-api-key", kind="token", policy="supplied", purpose="to search the web by Brave"),
    ),
)
