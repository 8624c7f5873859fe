"""Supabase Studio: its pages for people. https://github.com/supabase/supabase/tree/master/apps/studio.

It asks nobody who he is, and administers the database: it is on the loopback address alone, to be reached by SSH. It
takes its configuration from the environment, so ``start.sh`` reads the secrets from files. A preset has a route named
``supabase`` and the shared volumes of ``catalog/supabase/shared.py``.
"""

from catalog.supabase.secrets import (
    ANON_KEY,
    JWT_SECRET,
    LOGFLARE_PRIVATE_TOKEN,
    LOGFLARE_PUBLIC_TOKEN,
    META_CRYPTO_KEY,
    POSTGRES_PASSWORD,
    SERVICE_ROLE_KEY,
)
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, Port, SecretFile, Service, StaticFile, Volume
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="supabase/studio",
    source="https://github.com/supabase/supabase/blob/master/apps/studio/Dockerfile",
    read="2026-11-29",
    entrypoint=("docker-entrypoint.sh",),
    command=("node", "apps/studio/server.js"),
    writable=("/app/snippets", "/app/edge-functions"),
    tools=("sh", "cat", "node"),
    ports=(3000,),
    health="GET /api/platform/profile on its port",
)

SERVICE = Service(
    name="supabase-studio",
    # renovate: datasource=docker depName=supabase/studio
    image="supabase/studio:2026.08.03-sha-022b374",
    purpose="Supabase's pages for people",
    entrypoint=("/bin/sh", "/etc/homeport/start.sh"),
    command=("node", "apps/studio/server.js"),
    # The base image's node; the image itself runs as root.
    uid=1000,
    networks=(NETWORK,),
    env={
        "HOSTNAME": "0.0.0.0",
        "STUDIO_PG_META_URL": "http://supabase-meta:8080",
        "POSTGRES_HOST": "supabase-db",
        "POSTGRES_PORT": "5432",
        "POSTGRES_DB": "postgres",
        "PGRST_DB_SCHEMAS": "public,storage,graphql_public",
        "PGRST_DB_MAX_ROWS": "1000",
        "PGRST_DB_EXTRA_SEARCH_PATH": "public,extensions",
        "DEFAULT_ORGANIZATION_NAME": "{domain}",
        "DEFAULT_PROJECT_NAME": "{environment}",
        "SUPABASE_URL": "http://supabase-kong:8000",
        "SUPABASE_PUBLIC_URL": "{origin:supabase}",
        "LOGFLARE_URL": "http://supabase-analytics:4000",
        "NEXT_PUBLIC_ENABLE_LOGS": "true",
        "NEXT_ANALYTICS_BACKEND_PROVIDER": "postgres",
        "NEXT_TELEMETRY_DISABLED": "1",
        "SNIPPETS_MANAGEMENT_FOLDER": "/app/snippets",
        "EDGE_FUNCTIONS_MANAGEMENT_FOLDER": "/app/edge-functions",
        "NODE_OPTIONS": "--max-old-space-size=384",
    },
    files=(StaticFile(source="catalog/supabase/files/start.sh", target="start.sh"),),
    secret_files=(
        SecretFile(target="env/POSTGRES_PASSWORD", template="{supabase-postgres-password}", syntax=TEXT),
        SecretFile(target="env/PG_META_CRYPTO_KEY", template="{pg-meta-crypto-key}", syntax=TEXT),
        SecretFile(target="env/SUPABASE_ANON_KEY", template="{anon-key}", syntax=TEXT),
        SecretFile(target="env/SUPABASE_SERVICE_KEY", template="{service-role-key}", syntax=TEXT),
        SecretFile(target="env/AUTH_JWT_SECRET", template="{jwt-secret}", syntax=TEXT),
        SecretFile(target="env/LOGFLARE_PUBLIC_ACCESS_TOKEN", template="{logflare-public-token}", syntax=TEXT),
        SecretFile(target="env/LOGFLARE_PRIVATE_ACCESS_TOKEN", template="{logflare-private-token}", syntax=TEXT),
    ),
    volumes={
        "snippets": Volume(path="/app/snippets", owner=(1000, 1000)),
        "functions": Volume(path="/app/edge-functions", shared="supabase-functions"),
    },
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777",
        # Next.js keeps resized images there.
        "/app/apps/studio/.next/cache": "rw,noexec,nosuid,nodev,size=64m,uid=1000,gid=1000,mode=0700",
    },
    ports=(Port(name="studio", inside=3000, outside=3000, at="here"),),
    health=Health(
        test=(
            "node",
            "-e",
            (
                "fetch('http://127.0.0.1:3000/api/platform/profile')"
                ".then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"
            ),
        ),
        interval=10,
        timeout=10,
        start_period=60,
        gate=180,
    ),
    troubles={
        "it has no public name": "`ssh -N -L 3000:127.0.0.1:3000 USER@HOST` with "
        "homeport's own key (docs/hosts.md, Your own SSH), then `http://localhost:3000`",
    },
    limits=Limits(memory=640, cpus="1.0", pids=128, least=384),
    needs=("supabase-meta",),
    secrets=(
        POSTGRES_PASSWORD,
        META_CRYPTO_KEY,
        ANON_KEY,
        SERVICE_ROLE_KEY,
        JWT_SECRET,
        LOGFLARE_PUBLIC_TOKEN,
        LOGFLARE_PRIVATE_TOKEN,
    ),
)
