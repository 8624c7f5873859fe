"""Supabase's file storage. https://github.com/supabase/storage.

It takes its configuration from the environment (src/config.ts), so ``start.sh`` reads the secrets from files. A preset
has a route named ``supabase`` and the shared volumes of ``catalog/supabase/shared.py``.
"""

from catalog.supabase.secrets import ANON_KEY, JWT_SECRET, SERVICE_ROLE_KEY, STORAGE_PASSWORD
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile, Volume
from homeport.model.template import TEXT, URL

IMAGE = ImageFacts(
    repository="supabase/storage-api",
    source="https://github.com/supabase/storage/blob/master/Dockerfile",
    read="2026-11-29",
    entrypoint=("docker-entrypoint.sh",),
    command=("node", "dist/start/server.js"),
    writable=("/var/lib/storage",),
    tools=("sh", "cat", "node", "wget"),
    ports=(5000,),
    health="GET /status on its port",
)

SERVICE = Service(
    name="supabase-storage",
    # renovate: datasource=docker depName=supabase/storage-api
    image="supabase/storage-api:v1.60.4",
    purpose="Supabase's file storage",
    entrypoint=("/bin/sh", "/etc/homeport/start.sh"),
    command=("node", "dist/start/server.js"),
    # The base image's node; the image itself runs as root.
    uid=1000,
    networks=(NETWORK,),
    env={
        "POSTGREST_URL": "http://supabase-rest:3000",
        "STORAGE_PUBLIC_URL": "{origin:supabase}",
        "REQUEST_ALLOW_X_FORWARDED_PATH": "true",
        "FILE_SIZE_LIMIT": "52428800",
        "STORAGE_BACKEND": "file",
        # Of the backend "file" the first folder below its path.
        "GLOBAL_S3_BUCKET": "stub",
        "FILE_STORAGE_BACKEND_PATH": "/var/lib/storage",
        "TENANT_ID": "stub",
        "REGION": "local",
        "ENABLE_IMAGE_TRANSFORMATION": "true",
        "IMGPROXY_URL": "http://supabase-imgproxy:5001",
    },
    files=(StaticFile(source="catalog/supabase/files/start.sh", target="start.sh"),),
    secret_files=(
        SecretFile(
            target="env/DATABASE_URL",
            template="postgres://supabase_storage_admin:{supabase-storage-password}@supabase-db:5432/postgres",
            syntax=URL,
        ),
        SecretFile(target="env/PGRST_JWT_SECRET", template="{jwt-secret}", syntax=TEXT),
        SecretFile(target="env/ANON_KEY", template="{anon-key}", syntax=TEXT),
        SecretFile(target="env/SERVICE_KEY", template="{service-role-key}", syntax=TEXT),
        SecretFile(target="env/S3_PROTOCOL_ACCESS_KEY_ID", template="{s3-protocol-access-key-id}", syntax=TEXT),
        SecretFile(target="env/S3_PROTOCOL_ACCESS_KEY_SECRET", template="{s3-protocol-access-key-secret}", syntax=TEXT),
    ),
    volumes={"files": Volume(path="/var/lib/storage", shared="supabase-storage")},
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    health=Health(
        test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:5000/status"),
        interval=5,
        # The first start runs its migrations.
        start_period=60,
        gate=180,
    ),
    limits=Limits(memory=384, cpus="0.5", pids=64, least=192),
    needs=("supabase-db", "supabase-rest"),
    secrets=(
        STORAGE_PASSWORD,
        JWT_SECRET,
        ANON_KEY,
        SERVICE_ROLE_KEY,
        SecretSpec(
            name="s3-protocol-access-key-id",
            kind="hex32",
            purpose="by programs that speak S3 to Supabase's file storage, as their access key",
        ),
        SecretSpec(
            name="s3-protocol-access-key-secret",
            kind="hex64",
            purpose="by programs that speak S3 to Supabase's file storage, as their secret key",
        ),
    ),
)
