"""Supabase's connection pooler, Supavisor: many clients share few connections. https://github.com/supabase/supavisor.

Clients come as user ``<role>.homeport``, by session at port 5432 and by transaction at 6543. Its own tables are in the
database ``_supabase``. It takes its configuration from the environment (config/runtime.exs), so ``start.sh`` reads the
secrets from files.
"""

from catalog.supabase.secrets import JWT_SECRET, POOLER_PASSWORD, POSTGRES_PASSWORD
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import TEXT, URL

IMAGE = ImageFacts(
    repository="supabase/supavisor",
    source="https://github.com/supabase/supavisor/blob/main/Dockerfile",
    read="2026-11-29",
    entrypoint=("/usr/bin/tini", "-s", "-g", "--", "/app/limits.sh"),
    command=("/app/bin/server",),
    writable=("/tmp",),
    tools=("sh", "bash", "cat", "curl", "tini"),
    ports=(4000, 5432, 6543),
    health="GET /api/health on its port",
)

SERVICE = Service(
    name="supabase-pooler",
    # renovate: datasource=docker depName=supabase/supavisor
    image="supabase/supavisor:2.9.5",
    purpose="Pools connections to Supabase's database",
    entrypoint=("/usr/bin/tini", "-s", "-g", "--", "/bin/sh", "/etc/homeport/start.sh"),
    command=("/bin/sh", "/etc/homeport/serve.sh"),
    # The image's files are nobody's (Dockerfile: COPY --chown=nobody).
    uid=65534,
    networks=(NETWORK,),
    env={
        "PORT": "4000",
        "POSTGRES_HOST": "supabase-db",
        "POSTGRES_PORT": "5432",
        "POSTGRES_DB": "postgres",
        "CLUSTER_POSTGRES": "true",
        "REGION": "local",
        "ERL_AFLAGS": "-proto_dist inet_tcp",
        "ECTO_IPV6": "false",
        "POOLER_TENANT_ID": "homeport",
        "POOLER_DEFAULT_POOL_SIZE": "20",
        "POOLER_MAX_CLIENT_CONN": "100",
        "POOLER_POOL_MODE": "transaction",
        "DB_POOL_SIZE": "5",
        "RELEASE_TMP": "/tmp",
        "ERL_CRASH_DUMP": "/dev/null",
        "HOME": "/tmp",
    },
    files=(
        StaticFile(source="catalog/supabase/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/supabase_pooler/files/serve.sh", target="serve.sh"),
        StaticFile(source="catalog/supabase_pooler/files/pooler.exs", target="pooler.exs"),
    ),
    secret_files=(
        SecretFile(
            target="env/DATABASE_URL",
            template="ecto://supabase_admin:{supabase-postgres-password}@supabase-db:5432/_supabase",
            syntax=URL,
        ),
        SecretFile(target="env/POOLER_DB_PASSWORD", template="{supabase-pooler-password}", syntax=TEXT),
        SecretFile(target="env/SECRET_KEY_BASE", template="{pooler-secret-key-base}", syntax=TEXT),
        SecretFile(target="env/VAULT_ENC_KEY", template="{vault-enc-key}", syntax=TEXT),
        SecretFile(target="env/API_JWT_SECRET", template="{jwt-secret}", syntax=TEXT),
        SecretFile(target="env/METRICS_JWT_SECRET", template="{jwt-secret}", syntax=TEXT),
    ),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    health=Health(
        test=("curl", "-sSf", "--head", "-o", "/dev/null", "http://127.0.0.1:4000/api/health"),
        interval=10,
        # The first start runs its migrations.
        start_period=90,
        gate=240,
    ),
    limits=Limits(memory=384, cpus="1.0", pids=128, least=256, nofile=16384),
    needs=("supabase-db",),
    secrets=(
        POSTGRES_PASSWORD,
        POOLER_PASSWORD,
        JWT_SECRET,
        SecretSpec(name="pooler-secret-key-base", kind="hex64", purpose="to sign what Supabase's pooler hands out"),
        SecretSpec(
            name="vault-enc-key",
            kind="hex32",
            encrypts=True,
            purpose="to encrypt the passwords that Supabase's pooler keeps",
        ),
    ),
)
