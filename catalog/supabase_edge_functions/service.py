"""Supabase's edge functions: small programs in TypeScript, each called by its name. https://github.com/supabase/edge-runtime.

``files/main/index.ts`` is called first and checks who calls, then starts the function: one of the shared volume, where
Studio writes them, else one of this folder. The runtime takes its configuration from the environment, so ``start.sh``
reads the secrets from files. A preset has a route named ``supabase`` and the shared volumes of
``catalog/supabase/shared.py``.
"""

from catalog.supabase.secrets import ANON_KEY, JWT_SECRET, SERVICE_ROLE_KEY
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile, Volume
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="supabase/edge-runtime",
    source="https://github.com/supabase/edge-runtime/blob/main/Dockerfile",
    read="2026-11-29",
    entrypoint=("edge-runtime",),
    tools=("sh", "bash", "cat", "edge-runtime"),
    ports=(9000,),
)

SERVICE = Service(
    name="supabase-edge-functions",
    # renovate: datasource=docker depName=supabase/edge-runtime
    image="supabase/edge-runtime:v1.74.0",
    purpose="Runs Supabase's edge functions",
    entrypoint=("/bin/sh", "/etc/homeport/start.sh"),
    command=("edge-runtime", "start", "--main-service", "/etc/homeport/functions/main"),
    networks=(NETWORK,),
    env={
        "SUPABASE_URL": "http://supabase-kong:8000",
        "SUPABASE_PUBLIC_URL": "{origin:supabase}",
        # A caller shows a token of Supabase's.
        "VERIFY_JWT": "true",
        "DENO_DIR": "/var/cache/deno",
        "HOME": "/tmp",
    },
    files=(
        StaticFile(source="catalog/supabase/files/start.sh", target="start.sh"),
        StaticFile(source="catalog/supabase_edge_functions/files/main/index.ts", target="functions/main/index.ts"),
        StaticFile(source="catalog/supabase_edge_functions/files/hello/index.ts", target="functions/hello/index.ts"),
    ),
    secret_files=(
        SecretFile(target="env/JWT_SECRET", template="{jwt-secret}", syntax=TEXT),
        SecretFile(target="env/SUPABASE_ANON_KEY", template="{anon-key}", syntax=TEXT),
        SecretFile(target="env/SUPABASE_SERVICE_ROLE_KEY", template="{service-role-key}", syntax=TEXT),
    ),
    volumes={
        "functions": Volume(path="/home/deno/functions", shared="supabase-functions", read_only=True),
        # Packages that functions import.
        "cache": Volume(path="/var/cache/deno", data=False, owner=(10001, 10001)),
    },
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    health=Health(
        # The image has no program that asks over HTTP; bash opens a connection.
        test=("bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/9000"),
        interval=10,
        start_period=30,
    ),
    limits=Limits(memory=320, cpus="1.0", pids=128, least=192),
    secrets=(JWT_SECRET, ANON_KEY, SERVICE_ROLE_KEY),
)
