"""Supabase's interface to what is in its database, postgres-meta. https://github.com/supabase/postgres-meta.

It reads a secret from a file itself, where the variable's name ends with ``_FILE`` (src/lib/secrets.ts).
"""

from catalog.supabase.secrets import META_CRYPTO_KEY, POSTGRES_PASSWORD
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, SecretFile, Service
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="supabase/postgres-meta",
    source="https://github.com/supabase/postgres-meta/blob/master/Dockerfile",
    read="2026-11-29",
    entrypoint=("docker-entrypoint.sh",),
    command=("node", "dist/server/server.js"),
    tools=("sh", "node"),
    ports=(8080, 8081),
    health="GET /health on its port",
)

SERVICE = Service(
    name="supabase-meta",
    # renovate: datasource=docker depName=supabase/postgres-meta
    image="supabase/postgres-meta:v0.96.6",
    purpose="Shows and changes what is in Supabase's database",
    # The base image's node; the image itself runs as root.
    uid=1000,
    networks=(NETWORK,),
    env={
        "PG_META_PORT": "8080",
        "PG_META_DB_HOST": "supabase-db",
        "PG_META_DB_PORT": "5432",
        "PG_META_DB_NAME": "postgres",
        "PG_META_DB_USER": "supabase_admin",
        "PG_META_DB_PASSWORD_FILE": "/etc/homeport/db_password",
        "CRYPTO_KEY_FILE": "/etc/homeport/crypto_key",
        "NODE_OPTIONS": "--max-old-space-size=160",
    },
    secret_files=(
        SecretFile(target="db_password", template="{supabase-postgres-password}", syntax=TEXT),
        SecretFile(target="crypto_key", template="{pg-meta-crypto-key}", syntax=TEXT),
    ),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    health=Health(
        test=(
            "node",
            "-e",
            "fetch('http://127.0.0.1:8080/health').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))",
        ),
        interval=10,
        start_period=30,
    ),
    limits=Limits(memory=256, cpus="0.5", pids=64, least=128),
    needs=("supabase-db",),
    secrets=(POSTGRES_PASSWORD, META_CRYPTO_KEY),
)
