"""Infisical: a store of secrets with an interface of its own. https://infisical.com/docs/self-hosting/overview.

A preset says where its PostgreSQL and its cache are, and has a route named ``infisical``. It reads its configuration
from the environment alone (backend/src/lib/config/env.ts), so ``start.sh`` reads the secrets from files of mode 0400
and goes on as the image would: ``docker inspect`` shows none of them.
"""

from homeport.model.image import PUBLIC_PINS, ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile
from homeport.model.template import TEXT

IMAGE = ImageFacts(
    repository="infisical/infisical",
    source="https://github.com/Infisical/infisical/blob/main/Dockerfile.standalone-infisical",
    read="2026-11-29",
    user="non-root-user",
    command=("./standalone-entrypoint.sh",),
    writable=("/backend/frontend-build", "/etc/ssl/certs"),
    tools=("sh", "bash", "node", "wget", "curl", "grep", "cat"),
    ports=(8080,),
    health="GET /api/status answers JSON; a path that it does not know may be answered by the pages' own 200",
    digests={"v0.165.16": "sha256:6b911e3938ac2ff385a782df59ce9272799be7976d26dc5667266a2aecac4116"},
    digests_from=PUBLIC_PINS,
)

SERVICE = Service(
    name="infisical",
    # renovate: datasource=docker depName=infisical/infisical
    image="infisical/infisical:v0.165.16",
    purpose="Secrets management",
    entrypoint=("/bin/sh",),
    command=("/etc/homeport/start.sh",),
    # The image's non-root-user (Dockerfile.standalone-infisical).
    uid=1001,
    env={
        "SITE_URL": "{origin:infisical}",
        # Cookies for HTTPS only (backend/src/server/routes/v1/admin-router.ts).
        "HTTPS_ENABLED": "true",
        "TELEMETRY_ENABLED": "false",
        "NODE_OPTIONS": "--max-old-space-size=1024",
    },
    files=(StaticFile(source="catalog/infisical/files/start.sh", target="start.sh"),),
    secret_files=(
        SecretFile(target="encryption_key", template="{infisical-encryption-key}", syntax=TEXT),
        SecretFile(target="auth_secret", template="{infisical-auth-secret}", syntax=TEXT),
    ),
    tmpfs={"/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777"},
    health=Health(
        # The body as well: the pages answer 200 for what the API does not know.
        test=("sh", "-c", "wget -q -O - http://127.0.0.1:8080/api/status | grep -q '\"message\"'"),
        interval=10,
        # The first start runs all migrations.
        start_period=180,
        gate=480,
    ),
    troubles={
        "nobody has an account yet": "the operator makes the administrator's at `/admin/signup`",
    },
    limits=Limits(memory=1536, cpus="2.0", pids=256, least=512),
    waivers={
        "writable_root": (
            "its start writes the address of the pages' files into /backend/frontend-build and renews the list of "
            "certificates (standalone-entrypoint.sh)"
        ),
    },
    secrets=(
        SecretSpec(
            name="infisical-encryption-key",
            kind="hex32",
            encrypts=True,
            purpose="to encrypt all that Infisical stores; lost, it is unreadable for ever",
        ),
        SecretSpec(
            name="infisical-auth-secret",
            kind="base64",
            purpose="to sign Infisical's sessions; a new one signs everybody out",
        ),
    ),
    renamed={"INFISICAL_HOSTNAME": "settings.hostnames.infisical"},
)
