"""Supabase's realtime interface: changes of the database, and messages between clients, over a websocket.

https://github.com/supabase/realtime. It takes the tenant from the first part of the host name that it is called by: its
own name begins with it. It takes its configuration from the environment (config/runtime.exs), so ``start.sh`` reads the
secrets from files.
"""

from catalog.supabase.secrets import ANON_KEY, JWT_SECRET, POSTGRES_PASSWORD
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import LINE, TEXT

IMAGE = ImageFacts(
    repository="supabase/realtime",
    source="https://github.com/supabase/realtime/blob/main/Dockerfile",
    read="2026-11-29",
    entrypoint=("/usr/bin/tini", "-s", "-g", "--", "/app/run.sh"),
    command=("/app/bin/server",),
    writable=("/tmp",),
    tools=("sh", "bash", "cat", "curl", "tini"),
    ports=(4000,),
    health="GET /api/tenants/realtime-dev/health with a key",
)

SERVICE = Service(
    name="realtime-dev.supabase-realtime",
    # renovate: datasource=docker depName=supabase/realtime
    image="supabase/realtime:v2.102.3",
    purpose="Supabase's realtime interface",
    entrypoint=("/usr/bin/tini", "-s", "-g", "--", "/bin/sh", "/etc/homeport/start.sh"),
    command=("/bin/bash", "/etc/homeport/serve.sh"),
    # The image's files are nobody's, whom its run.sh becomes.
    uid=65534,
    networks=(NETWORK,),
    env={
        "PORT": "4000",
        "DB_HOST": "supabase-db",
        "DB_PORT": "5432",
        "DB_NAME": "postgres",
        "DB_USER": "supabase_admin",
        "DB_AFTER_CONNECT_QUERY": "SET search_path TO _realtime",
        "ERL_AFLAGS": "-proto_dist inet_tcp",
        "DNS_NODES": "''",
        "RLIMIT_NOFILE": "10000",
        "APP_NAME": "realtime",
        "SEED_SELF_HOST": "true",
        "RUN_JANITOR": "true",
        "DISABLE_HEALTHCHECK_LOGGING": "true",
        "RELEASE_TMP": "/tmp",
        "ERL_CRASH_DUMP": "/dev/null",
        "HOME": "/tmp",
    },
    files=(
        StaticFile(source="catalog/supabase/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/supabase_realtime/files/serve.sh", target="serve.sh"),
    ),
    secret_files=(
        SecretFile(target="env/DB_PASSWORD", template="{supabase-postgres-password}", syntax=TEXT),
        SecretFile(target="env/API_JWT_SECRET", template="{jwt-secret}", syntax=TEXT),
        SecretFile(target="env/METRICS_JWT_SECRET", template="{jwt-secret}", syntax=TEXT),
        SecretFile(target="env/SECRET_KEY_BASE", template="{secret-key-base}", syntax=TEXT),
        SecretFile(target="env/REALTIME_ENC_KEY", template="{realtime-enc-key}", syntax=TEXT),
        # curl reads a header from a file: as an argument the key would be seen among the processes.
        SecretFile(target="health_header", template="Authorization: Bearer {anon-key}", syntax=LINE),
    ),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    health=Health(
        test=(
            "curl",
            "-sSf",
            "--head",
            "-o",
            "/dev/null",
            "-H",
            "@/etc/homeport/health_header",
            "http://127.0.0.1:4000/api/tenants/realtime-dev/health",
        ),
        interval=15,
        # The first start runs its migrations.
        start_period=90,
        gate=240,
    ),
    limits=Limits(memory=448, cpus="1.0", pids=128, least=256, nofile=16384),
    needs=("supabase-db",),
    secrets=(
        POSTGRES_PASSWORD,
        JWT_SECRET,
        ANON_KEY,
        SecretSpec(
            name="secret-key-base", kind="hex64", purpose="to sign what Supabase's realtime interface hands out"
        ),
        SecretSpec(
            name="realtime-enc-key",
            kind="hex32",
            encrypts=True,
            purpose="to encrypt how Supabase's realtime interface connects to the database, in its table of tenants",
        ),
    ),
)
