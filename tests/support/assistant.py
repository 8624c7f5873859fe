"""An AI assistant as the AI Dev Server sees one: the official MCP client, directly or through the proxy over TLS."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.door import Door

HOST = "ai-dev.localhost"
PATH = "/llm/mcp/"


def http(token: str, *, door: Door, seconds: float = 60) -> httpx2.AsyncClient:
    """A client whose calls go to the proxy's port, by the server's own host name, as its certificate has it."""

    async def named(request: httpx2.Request) -> None:
        request.headers["Host"] = f"{HOST}:{door.port}"
        request.extensions = {**request.extensions, "sni_hostname": HOST}

    return httpx2.AsyncClient(
        base_url=f"https://127.0.0.1:{door.port}",
        headers={"Authorization": f"Bearer {token}"} if token else {},
        verify=ssl.create_default_context(cadata=door.root),
        event_hooks={"request": [named]},
        trust_env=False,
        timeout=seconds,
    )


@asynccontextmanager
async def assistant(token: str, *, door: Door, mode: str = "legacy") -> AsyncIterator[Client]:
    """The official client: in a session of its own (``legacy``), or without one as of 2026 (``auto``)."""
    async with (
        http(token, door=door) as calls,
        Client(streamable_http_client(f"https://127.0.0.1:{door.port}{PATH}", http_client=calls), mode=mode) as client,
    ):
        yield client


def words(result) -> str:
    """What a tool said."""
    return " ".join(part.text for part in result.content)
