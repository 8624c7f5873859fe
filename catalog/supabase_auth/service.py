"""Supabase's sign-in, GoTrue. https://github.com/supabase/auth.

It takes its configuration from the environment (internal/conf/configuration.go), so ``start.sh`` reads the secrets from
files. A preset has a route named ``supabase``.
"""

from catalog.supabase.secrets import AUTH_PASSWORD, JWT_SECRET
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import TEXT, URL

IMAGE = ImageFacts(
    repository="supabase/gotrue",
    source="https://github.com/supabase/auth/blob/master/Dockerfile",
    read="2026-11-29",
    user="supabase",
    command=("auth",),
    tools=("sh", "cat", "wget", "auth"),
    ports=(9999,),
    health="GET /health on its port",
)

SERVICE = Service(
    name="supabase-auth",
    # renovate: datasource=docker depName=supabase/gotrue
    image="supabase/gotrue:v2.189.0",
    purpose="Supabase's sign-in",
    entrypoint=("/bin/sh", "/etc/homeport/start.sh"),
    command=("auth",),
    # The image's supabase (Dockerfile: adduser -u 1000).
    uid=1000,
    networks=(NETWORK,),
    env={
        "GOTRUE_API_HOST": "0.0.0.0",
        "GOTRUE_API_PORT": "9999",
        "API_EXTERNAL_URL": "{origin:supabase}",
        "GOTRUE_SITE_URL": "{origin:supabase}",
        "GOTRUE_DB_DRIVER": "postgres",
        "GOTRUE_JWT_ISSUER": "{origin:supabase}/auth/v1",
        "GOTRUE_JWT_AUD": "authenticated",
        "GOTRUE_JWT_ADMIN_ROLES": "service_role",
        "GOTRUE_JWT_DEFAULT_GROUP_NAME": "authenticated",
        "GOTRUE_JWT_EXP": "3600",
        # Its address is public: accounts are made in Studio, or with the service_role key, until a preset says more.
        "GOTRUE_DISABLE_SIGNUP": "true",
        "GOTRUE_EXTERNAL_EMAIL_ENABLED": "true",
        "GOTRUE_EXTERNAL_PHONE_ENABLED": "false",
        "GOTRUE_EXTERNAL_ANONYMOUS_USERS_ENABLED": "false",
        # No mail server is known: who is invited confirms nothing by mail.
        "GOTRUE_MAILER_AUTOCONFIRM": "false",
        "GOTRUE_MAILER_URLPATHS_INVITE": "/auth/v1/verify",
        "GOTRUE_MAILER_URLPATHS_CONFIRMATION": "/auth/v1/verify",
        "GOTRUE_MAILER_URLPATHS_RECOVERY": "/auth/v1/verify",
        "GOTRUE_MAILER_URLPATHS_EMAIL_CHANGE": "/auth/v1/verify",
    },
    files=(StaticFile(source="catalog/supabase/files/start.sh", target="start.sh"),),
    secret_files=(
        SecretFile(
            target="env/GOTRUE_DB_DATABASE_URL",
            template="postgres://supabase_auth_admin:{supabase-auth-password}@supabase-db:5432/postgres",
            syntax=URL,
        ),
        SecretFile(target="env/GOTRUE_JWT_SECRET", template="{jwt-secret}", syntax=TEXT),
    ),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
    health=Health(
        test=("wget", "-q", "-O", "/dev/null", "http://127.0.0.1:9999/health"),
        interval=5,
        # The first start runs its migrations.
        start_period=60,
        gate=180,
    ),
    troubles={
        "nobody can make an account": (
            "that is meant, for its address is public, until a preset sets `GOTRUE_DISABLE_SIGNUP` and a mail server"
        ),
    },
    limits=Limits(memory=128, cpus="0.5", pids=64, least=64),
    needs=("supabase-db",),
    secrets=(AUTH_PASSWORD, JWT_SECRET),
)
