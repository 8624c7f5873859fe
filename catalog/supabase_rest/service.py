"""Supabase's REST interface to its database, PostgREST. https://docs.postgrest.org/en/v14/references/configuration.html.

The image has no shell; the software reads a setting whose value begins with ``@`` from the file of that name
(db-uri, jwt-secret). Upstream's compose file also hands the secret that signs tokens to SQL, as
``app.settings.jwt_secret``: left out, for every caller could ask for it there.
"""

from catalog.supabase.secrets import AUTHENTICATOR_PASSWORD, JWT_SECRET
from catalog.supabase.shared import NETWORK
from homeport.model.image import ImageFacts
from homeport.model.service import Health, Limits, SecretFile, Service
from homeport.model.template import TEXT, URL

IMAGE = ImageFacts(
    repository="postgrest/postgrest",
    source="https://github.com/PostgREST/postgrest/blob/main/nix/tools/docker/default.nix",
    read="2026-11-29",
    user="1000",
    command=("postgrest",),
    tools=("postgrest",),
    ports=(3000, 3001),
    health="postgrest --ready asks its admin port",
)

SERVICE = Service(
    name="supabase-rest",
    # renovate: datasource=docker depName=postgrest/postgrest
    image="postgrest/postgrest:v14.12",
    purpose="Supabase's REST interface to its database",
    command=("postgrest",),
    uid=1000,
    networks=(NETWORK,),
    env={
        "PGRST_DB_URI": "@/etc/homeport/db_uri",
        "PGRST_JWT_SECRET": "@/etc/homeport/jwt_secret",
        "PGRST_DB_SCHEMAS": "public,storage,graphql_public",
        "PGRST_DB_EXTRA_SEARCH_PATH": "public,extensions",
        "PGRST_DB_ANON_ROLE": "anon",
        "PGRST_DB_MAX_ROWS": "1000",
        "PGRST_DB_USE_LEGACY_GUCS": "false",
        "PGRST_APP_SETTINGS_JWT_EXP": "3600",
        "PGRST_ADMIN_SERVER_PORT": "3001",
        # The admin port is for the health check alone.
        "PGRST_ADMIN_SERVER_HOST": "127.0.0.1",
    },
    secret_files=(
        SecretFile(
            target="db_uri",
            template="postgres://authenticator:{supabase-authenticator-password}@supabase-db:5432/postgres",
            syntax=URL,
        ),
        SecretFile(target="jwt_secret", template="{jwt-secret}", syntax=TEXT),
    ),
    health=Health(test=("postgrest", "--ready"), interval=5, start_period=30),
    limits=Limits(memory=128, cpus="0.5", pids=64, least=64),
    needs=("supabase-db",),
    secrets=(AUTHENTICATOR_PASSWORD, JWT_SECRET),
)
