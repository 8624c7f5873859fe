"""The application: guards in front, then health, the MCP endpoint and the API."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx2
from fastapi import FastAPI, Request, Security
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.security import HTTPBearer
from mcp.server.streamable_http_manager import StreamableHTTPASGIApp, StreamableHTTPSessionManager
from mcp.server.transport_security import RequestBodyLimitMiddleware
from pydantic import BaseModel
from starlette.routing import Route

from ai_dev_server import __version__, host, n8n, rest, tools
from ai_dev_server.guard import DOCS, HEALTH, Bearer, HostNames
from ai_dev_server.upstream import Failure, Upstream

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ai_dev_server.settings import Settings

MCP = "/llm/mcp"
_MOST_BYTES = 4 * 1024 * 1024
_MOST_SESSIONS = 100
_IDLE_SECONDS = 30 * 60.0
_LIMITS = httpx2.Limits(max_connections=50, max_keepalive_connections=10)


class Health(BaseModel):
    """This server works."""

    status: str = "ok"


class DeepHealth(BaseModel):
    """Whether this server reaches what is behind it, and whether that takes its tokens."""

    status: str
    n8n: str
    host_agent: str


class _Described(HTTPBearer):
    """The bearer token in the API's description; whether it is right is decided in front of the application."""

    async def __call__(self, request: Request) -> None:  # type: ignore[override]
        """Nothing: who comes here has been let in."""


def create_app(settings: Settings, transport: httpx2.AsyncBaseTransport | None = None) -> FastAPI:
    """The application.

    Args:
        settings: What the environment says.
        transport: How the services behind it are reached; over the network unless something else is there.
    """
    # Neither proxies nor credentials of the environment, and no redirect: a call goes where the settings say.
    client = httpx2.AsyncClient(trust_env=False, timeout=None, limits=_LIMITS, transport=transport)
    of_n8n, of_host = n8n.upstream(settings, client), host.upstream(settings, client)
    workflows, machine = n8n.N8n(of_n8n), host.Host(of_host)
    # Its own Host and Origin checks are off: HostNames has them for every path.
    sessions = StreamableHTTPSessionManager(
        tools.server(workflows, machine)._lowlevel_server,  # noqa: SLF001  # MCPServer's own app has no other way
        max_sessions=_MOST_SESSIONS,
        session_idle_timeout=_IDLE_SECONDS,
        max_request_body_size=_MOST_BYTES,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with client, sessions.run():
            yield

    endpoint = StreamableHTTPASGIApp(sessions)
    app = FastAPI(
        title="AI Dev Server",
        version=__version__,
        description="n8n and the host's agent for an AI assistant: as MCP tools at /llm/mcp/, and as plain HTTP here.",
        routes=[Route(path, endpoint) for path in (MCP, f"{MCP}/")],
        lifespan=lifespan,
        redirect_slashes=False,
        redoc_url=None,
        swagger_ui_oauth2_redirect_url=None,
    )
    # The last one added is the first one asked.
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=_MOST_BYTES)
    public = frozenset({HEALTH}) | (DOCS if settings.docs == "open" else frozenset())
    app.add_middleware(Bearer, tokens=settings.tokens, public=public)
    app.add_middleware(HostNames, hosts=settings.hosts)
    app.add_exception_handler(Failure, _failed)
    app.add_exception_handler(RequestValidationError, _wrong)

    @app.get(HEALTH)
    async def health() -> Health:
        """Say that this server works."""
        return Health()

    described = [Security(_Described(scheme_name="bearer", description="MCP_BEARER_TOKEN"))]

    @app.get(f"{HEALTH}/deep", dependencies=described, responses=rest.REFUSED)
    async def deep_health() -> DeepHealth:
        """Say whether this server reaches n8n and HostAgent, and whether they take its tokens."""
        words: dict[str, str] = {}

        async def ask(name: str, upstream: Upstream, path: str) -> None:
            try:
                await upstream.call("GET", path)
            except Failure as failure:
                words[name] = str(failure)
            else:
                words[name] = "ok"

        async with anyio.create_task_group() as group:
            group.start_soon(ask, "n8n", of_n8n, "/api/v1/workflows?limit=1")
            group.start_soon(ask, "host_agent", of_host, "/system/info")
        return DeepHealth(status="ok" if set(words.values()) == {"ok"} else "degraded", **words)

    app.include_router(rest.router(workflows, machine), dependencies=described)
    return app


async def _failed(_: Request, failure: Exception) -> JSONResponse:
    if not isinstance(failure, Failure):
        raise failure
    body = {"detail": failure.detail, "upstream": failure.upstream, "status": failure.status, "hint": failure.hint}
    return JSONResponse(body, failure.http)


async def _wrong(_: Request, error: Exception) -> JSONResponse:
    """What is wrong with the arguments, without the arguments: they may hold what no answer could carry."""
    if not isinstance(error, RequestValidationError):
        raise error

    def part(of: Any) -> str | int:
        return of if isinstance(of, int) else str(of).encode("utf-8", "replace").decode()

    problems = [
        {"loc": list(map(part, found["loc"])), "msg": part(found["msg"]), "type": found["type"]}
        for found in error.errors()
    ]
    return JSONResponse({"detail": problems}, 422)
