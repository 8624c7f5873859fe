"""Supabase's log service, Logflare. https://github.com/Logflare/logflare.

Its tables are in the database ``_supabase``. It takes its configuration from the environment (config/runtime.exs), so
``start.sh`` reads the secrets from files.
"""

from catalog.supabase.secrets import LOGFLARE_PRIVATE_TOKEN, LOGFLARE_PUBLIC_TOKEN, POSTGRES_PASSWORD
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import TEXT, URL

IMAGE = ImageFacts(
    repository="supabase/logflare",
    source="https://github.com/Logflare/logflare/blob/main/Dockerfile",
    read="2026-11-29",
    command=("sh", "run.sh"),
    writable=("/tmp",),
    tools=("sh", "cat", "curl"),
    ports=(4000,),
    health="GET /health on its port",
)

SERVICE = Service(
    name="supabase-analytics",
    # renovate: datasource=docker depName=supabase/logflare
    image="supabase/logflare:1.43.1",
    purpose="Supabase's log service",
    entrypoint=("/bin/sh", "/etc/homeport/start.sh"),
    command=("sh", "run.sh"),
    # The image names no user, and its files are root's.
    uid=0,
    networks=(NETWORK,),
    env={
        "LOGFLARE_NODE_HOST": "127.0.0.1",
        "LOGFLARE_SINGLE_TENANT": "true",
        "LOGFLARE_SUPABASE_MODE": "true",
        "LOGFLARE_FEATURE_FLAG_OVERRIDE": "multibackend=true",
        "DB_HOSTNAME": "supabase-db",
        "DB_PORT": "5432",
        "DB_DATABASE": "_supabase",
        "DB_SCHEMA": "_analytics",
        "DB_USERNAME": "supabase_admin",
        "POSTGRES_BACKEND_SCHEMA": "_analytics",
        # An Elixir release writes its settings there before it starts.
        "RELEASE_TMP": "/tmp",
        "ERL_CRASH_DUMP": "/dev/null",
    },
    files=(StaticFile(source="catalog/supabase/files/start.sh", target="start.sh"),),
    secret_files=(
        SecretFile(target="env/DB_PASSWORD", template="{supabase-postgres-password}", syntax=TEXT),
        SecretFile(
            target="env/POSTGRES_BACKEND_URL",
            template="postgresql://supabase_admin:{supabase-postgres-password}@supabase-db:5432/_supabase",
            syntax=URL,
        ),
        SecretFile(target="env/LOGFLARE_PUBLIC_ACCESS_TOKEN", template="{logflare-public-token}", syntax=TEXT),
        SecretFile(target="env/LOGFLARE_PRIVATE_ACCESS_TOKEN", template="{logflare-private-token}", syntax=TEXT),
    ),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    health=Health(
        test=("curl", "-sSf", "-o", "/dev/null", "http://127.0.0.1:4000/health"),
        interval=10,
        # The first start runs its migrations.
        start_period=120,
        gate=360,
    ),
    limits=Limits(memory=640, cpus="1.0", pids=128, least=384),
    needs=("supabase-db",),
    waivers={"root": "the image names no user, and the release in it belongs to root; it keeps no right of root's"},
    secrets=(POSTGRES_PASSWORD, LOGFLARE_PUBLIC_TOKEN, LOGFLARE_PRIVATE_TOKEN),
)
