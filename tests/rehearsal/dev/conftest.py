"""The dev stack of this checkout.

Brought up once as a user would, for all modules of this folder, and taken down again.
"""

from __future__ import annotations

import ssl
import time
from urllib.parse import urlsplit

import pytest

from tests.support import memory_claims
from tests.support.command import make
from tests.support.dev import STACK, DevStack


def _is_up() -> bool:
    """Whether every service of the stack runs and is healthy already; a cold cache has no engine to ask."""
    return make("status", f"STACK={STACK}", timeout=300).returncode == 0


@pytest.fixture(scope="session")
def world():
    """The dev stack, up and healthy; removed afterwards unless it was there before."""
    if _is_up():
        yield DevStack(said="", seconds=0.0)
        return
    began = time.monotonic()
    done = make("up", f"STACK={STACK}")
    if done.returncode:
        taken = make("down", f"STACK={STACK}")
        pytest.fail(
            f"make up failed:\n{done.stdout[-6000:]}\nmake down then ended with {taken.returncode}", pytrace=False
        )
    yield DevStack(said=done.stdout, seconds=time.monotonic() - began)
    taken = make("down", f"STACK={STACK}")
    assert taken.returncode == 0, f"make down failed:\n{taken.stdout[-6000:]}"


@pytest.fixture(scope="session")
def door(world):
    """The proxy, trusted by the certificate of its own authority and no other."""
    root = world.docker(
        "exec", world.containers["ai-caddy"], "cat", "/data/caddy/pki/authorities/local/root.crt"
    ).stdout
    tls = ssl.create_default_context(cadata=root)
    url = world.outputs["services"]["ai-n8n"]["url"]
    connect = ("127.0.0.1", urlsplit(url).port)
    return memory_claims.Door(base_url=url, api_key=world.credentials["n8n-webhook-api-key"], tls=tls, connect=connect)
