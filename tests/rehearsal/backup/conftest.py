from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.backups import Host, Postgres
from tests.support.checkout import ROOT
from tests.support.offsite import S3, Qdrant, Redis, Told, Volume, elsewhere

POSTGRES = "pgvector/pgvector:0.8.6-pg16"
N8N = "n8nio/n8n:2.38.7"
POSTGRES_18, REDIS_8, QDRANT = "postgres:18.1", "redis:8.0.5-alpine", "qdrant/qdrant:v1.16.3"
POSTGRES_16, VALKEY = "postgres:16.14-alpine", "valkey/valkey:8.1.3-alpine"
RESTIC, S3_SERVER, BUSYBOX = "restic/restic:0.18.1", "homeport/versitygw:1.8.0", "busybox:1.37.0-musl"
REGISTRY = "registry:3.1.2"


def _ensure(image):
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", image], check=True, cwd=ROOT)
    return image


class Stores:
    """The stores of a host, which are lost together."""

    def __init__(self, server, redis, qdrant, files):
        self.server, self.redis, self.qdrant, self.files = server, redis, qdrant, files
        self.each = (server, redis, qdrant, files)

    def all(self):
        return [store.all() for store in self.each]

    def new(self):
        for store in self.each:
            store.new()


@pytest.fixture
def host(tmp_path):
    made = Host(tmp_path)
    yield made
    made.close()


@pytest.fixture
def server(host):
    made = Postgres(host, _ensure(POSTGRES))
    host.settings["PG_SERVERS"] = f"{made.container}=postgres"
    return made


@pytest.fixture
def postgresql(host):
    return Postgres(host, _ensure(POSTGRES_18))


@pytest.fixture
def infisical_db(host):
    return Postgres(host, _ensure(POSTGRES_16))


@pytest.fixture
def n8n_image():
    return _ensure(N8N)


@pytest.fixture
def registry_image():
    _ensure(BUSYBOX)
    return _ensure(REGISTRY)


@pytest.fixture
def told():
    made = Told()
    yield made
    made.close()


@pytest.fixture
def s3(host):
    return S3(host, _ensure(S3_SERVER))


@pytest.fixture
def bucket(host, s3, told):
    """Where the host's copies go."""
    elsewhere(host, s3, told, _ensure(RESTIC))
    return s3


@pytest.fixture
def redis(host):
    return Redis(host, _ensure(REDIS_8))


@pytest.fixture
def caches(host):
    """Those of shared-infrastructure: Infisical's, and the one of other stacks."""
    image = _ensure(VALKEY)
    return [Redis(host, image, part) for part in ("infisical-redis", "redis")]


@pytest.fixture
def qdrant(host):
    return Qdrant(host, _ensure(QDRANT))


@pytest.fixture
def volume(host):
    """Makes containers with volumes, by name."""
    image = _ensure(BUSYBOX)
    return lambda part, *folders: Volume(host, image, part, *([folders] if folders else []))


@pytest.fixture
def files(host, volume):
    """Files alone, which are copied elsewhere."""
    made = volume("files")
    host.settings["FILES"] = f"{made.container}=/data"
    return made


@pytest.fixture
def stores(host, s3, told):
    """Every kind of store, each with something in it, and a bucket that they are copied to."""
    server = Postgres(host, _ensure(POSTGRES_18))
    redis, qdrant, files = Redis(host, _ensure(REDIS_8)), Qdrant(host, _ensure(QDRANT)), Volume(host, _ensure(BUSYBOX))
    elsewhere(host, s3, told, _ensure(RESTIC))
    host.settings |= {
        "PG_SERVERS": f"{server.container}=postgres",
        "REDIS_SERVERS": f"{redis.container}=/data/dump.rdb@/etc/homeport/password",
        "QDRANT_SERVERS": f"{qdrant.container}=6333@/etc/homeport/api_key",
        "FILES": f"{files.container}=/data",
        "COPIES": f"!{files.container}=/app/data:app.db,app.db-wal",
        "CLIENTS": files.container,
    }
    return Stores(server, redis, qdrant, files)
