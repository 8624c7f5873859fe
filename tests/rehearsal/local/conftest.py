"""The preset jett on this machine's Docker: brought up once for the modules of this folder that look at it."""

from __future__ import annotations

import pytest

from tests.support.jett import Handler, Jett


@pytest.fixture(scope="session")
def jett(tmp_path_factory):
    stack = Jett(tmp_path_factory.mktemp("jett"))
    try:
        stack.up()
        yield stack
    finally:
        stack.remove()


@pytest.fixture
def handler(jett):
    handler = Handler(jett.gateway, jett.handler_port)
    yield handler
    handler.close()


@pytest.fixture
def empty(jett):
    """An empty queue, and nobody online."""
    jett.sql("TRUNCATE offline_queue RESTART IDENTITY; TRUNCATE heartbeat")
