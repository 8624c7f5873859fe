from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.backups import Host, Postgres
from tests.support.checkout import ROOT

POSTGRES = "pgvector/pgvector:0.8.6-pg16"
N8N = "n8nio/n8n:2.38.7"
REGISTRY = "registry:3.1.2"


def _ensure(image):
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", image], check=True, cwd=ROOT)
    return image


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
def n8n_image():
    return _ensure(N8N)


@pytest.fixture
def registry_image():
    _ensure("busybox:1.37.0-musl")
    return _ensure(REGISTRY)
