"""What the tests of the dev stack share: the names of its services, and the door that callers come through."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import pytest

from tests.rehearsal import claims_memory

SERVICES = ("ai-caddy", "ai-executor", "ai-n8n", "ai-postgres", "ai-redis")


@pytest.fixture
def door(world):
    """The proxy, trusted by the certificate of its own authority and no other."""
    root = world.docker(
        "exec", world.containers["ai-caddy"], "cat", "/data/caddy/pki/authorities/local/root.crt"
    ).stdout
    tls = ssl.create_default_context(cadata=root)
    url = world.outputs["services"]["ai-n8n"]["url"]
    connect = ("127.0.0.1", urlsplit(url).port)
    return claims_memory.Door(base_url=url, api_key=world.credentials["n8n-webhook-api-key"], tls=tls, connect=connect)
