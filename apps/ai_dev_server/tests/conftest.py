from __future__ import annotations

import sys
from pathlib import Path

import httpx2
import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from dev_server_world import Upstreams, serve  # noqa: E402


@pytest.fixture
def upstreams():
    return Upstreams()


@pytest.fixture
def served(upstreams):
    with serve(transport=httpx2.ASGITransport(upstreams.app)) as server:
        yield server


@pytest.fixture
def anyio_backend():
    return "asyncio"
