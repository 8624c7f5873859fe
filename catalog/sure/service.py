"""Sure: personal finance. https://github.com/we-promise/sure/blob/main/docs/hosting/docker.md.

Two processes of one image, as in upstream's ``compose.example.yml``: the web server, whose entry point migrates the
database before it serves (``bin/docker-entrypoint``), and the worker of its queue in Redis. Both take their
configuration from the environment, so ``start.sh`` reads the secrets from files. A preset has a route named ``sure``,
the services ``postgresql`` and ``redis``, and the shared volume of ``STORAGE``.
"""

from dataclasses import replace

from catalog.postgresql.service import PASSWORD
from catalog.redis.service import PASSWORD as REDIS_PASSWORD
from homeport.model.image import ImageFacts
from homeport.model.secret import SecretSpec
from homeport.model.service import Health, Limits, SecretFile, Service, StaticFile, Volume
from homeport.model.template import TEXT, URL

STORAGE = {"sure-storage": Volume(path="/rails/storage", owner=(1000, 1000))}
"""What both processes write files to: a preset's ``shared_volumes``."""

IMAGE = ImageFacts(
    repository="ghcr.io/we-promise/sure",
    source="https://github.com/we-promise/sure/blob/main/Dockerfile",
    read="2026-11-29",
    user="1000:1000",
    entrypoint=("/rails/bin/docker-entrypoint",),
    command=("./bin/rails", "server"),
    writable=("/rails/storage", "/rails/tmp", "/rails/log"),
    tools=("sh", "bash", "cat", "curl", "pgrep"),
    ports=(3000,),
    health="GET /up on its port",
)

SERVICE = Service(
    name="sure",
    # renovate: datasource=docker depName=ghcr.io/we-promise/sure
    image="ghcr.io/we-promise/sure:0.7.2",
    purpose="Personal finance",
    entrypoint=("/bin/sh", "/etc/homeport/start.sh"),
    command=("/rails/bin/docker-entrypoint", "./bin/rails", "server"),
    uid=1000,
    networks=("backend",),
    env={
        "SELF_HOSTED": "true",
        "RAILS_ENV": "production",
        # The proxy has the certificate.
        "RAILS_FORCE_SSL": "false",
        "RAILS_ASSUME_SSL": "true",
        "APP_DOMAIN": "{host:sure}",
        "DB_HOST": "postgresql",
        "DB_PORT": "5432",
        "POSTGRES_DB": "sure",
        "POSTGRES_USER": "sure",
        "HOME": "/tmp",
    },
    files=(StaticFile(source="catalog/supabase/files/start.sh", target="start.sh"),),
    secret_files=(
        SecretFile(target="env/SECRET_KEY_BASE", template="{sure-secret-key-base}", syntax=TEXT),
        SecretFile(target="env/POSTGRES_PASSWORD", template="{postgresql-password}", syntax=TEXT),
        SecretFile(target="env/REDIS_URL", template="redis://:{redis-password}@redis:6379/1", syntax=URL),
    ),
    volumes={"files": Volume(path="/rails/storage", shared="sure-storage")},
    tmpfs={
        "/tmp": "rw,noexec,nosuid,nodev,size=64m,mode=1777",
        "/rails/tmp": "rw,noexec,nosuid,nodev,size=64m,uid=1000,gid=1000,mode=0700",
        "/rails/log": "rw,noexec,nosuid,nodev,size=16m,uid=1000,gid=1000,mode=0700",
    },
    health=Health(
        test=("curl", "-fsS", "-o", "/dev/null", "http://127.0.0.1:3000/up"),
        interval=15,
        # The first start migrates.
        start_period=180,
        gate=420,
    ),
    limits=Limits(memory=1024, cpus="1.0", pids=128, least=512),
    needs=("postgresql", "redis"),
    secrets=(
        PASSWORD,
        REDIS_PASSWORD,
        SecretSpec(
            name="sure-secret-key-base",
            kind="long-hex",
            encrypts=True,
            purpose="to sign Sure's sessions and encrypt what it stores; lost, that is unreadable for ever",
        ),
    ),
)

WORKER = replace(
    SERVICE,
    name="sure-worker",
    # renovate: datasource=docker depName=ghcr.io/we-promise/sure
    image="ghcr.io/we-promise/sure:0.7.2",
    purpose="Personal finance: what it does in the background",
    command=("/rails/bin/docker-entrypoint", "bundle", "exec", "sidekiq"),
    # It fetches prices and banks' statements.
    networks=("backend", "egress"),
    # It listens to nobody; this is the title that it gives itself once it works.
    health=Health(test=("pgrep", "-f", "^sidekiq "), interval=15, start_period=120, gate=300),
    needs=("sure",),
)
