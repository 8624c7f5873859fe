"""The real server on a port of its own, the official client, and n8n and HostAgent emulated by their contracts."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace

import httpx2
import uvicorn
from ai_dev_server.app import create_app
from ai_dev_server.settings import settings
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

TOKEN = "5f0c9d2be47a4d0f8c6f6f1b1b7d3a8e0a9c4e2d7b6f5a3c1e0d9b8a7f6e5d4c"
HOST_TOKEN = "b1946ac92492d2347c6235b4d2611184f2c9b1a0e8d7c6b5a4938271605f4e3d"
API_KEY = "n8n_api_0d107d09f5bbe40cade3de5c71e9e9b7f2c9b1a0e8d7c6b5a4938271"
ENV = {
    "MCP_BEARER_TOKEN": TOKEN,
    "HOST_AGENT_BEARER_TOKEN": HOST_TOKEN,
    "N8N_API_KEY": API_KEY,
    "PUBLIC_BASE_URL": "https://ai-dev.example.com",
}
WORKFLOW = {"name": "Daily", "nodes": [{"name": "Start", "type": "n8n-nodes-base.manualTrigger"}], "connections": {}}


class Upstreams:
    """n8n's public API and HostAgent, by what each has published of itself; every call is kept.

    ``answers`` has other answers by method and path: (status, body), or bytes as they are sent.
    """

    def __init__(self):
        self.calls: list[dict] = []
        self.answers: dict[tuple[str, str], object] = {}
        self.workflows: dict[str, dict] = {}
        self.failing: dict[tuple[str, str], list[int]] = {}
        self.app = Starlette(routes=[Route("/{path:path}", self._answer, methods=["GET", "POST", "PUT", "DELETE"])])

    def paths(self, method=None):
        return [call["path"] for call in self.calls if method in (None, call["method"])]

    async def _answer(self, request):
        body = await request.body()
        call = {
            "method": request.method,
            "path": request.url.path,
            "query": dict(request.query_params),
            "headers": dict(request.headers),
            "body": json.loads(body) if body else None,
        }
        self.calls.append(call)
        key = (call["method"], call["path"])
        if self.failing.get(key):
            return JSONResponse({"message": "busy"}, self.failing[key].pop(0))
        if key in self.answers:
            answer = self.answers[key]
            if isinstance(answer, bytes):
                return Response(answer, media_type="application/json")
            return JSONResponse(answer[1], answer[0])
        return self._n8n(call) if call["path"].startswith("/api/v1/") else self._host(call)

    def _n8n(self, call):
        place = re.fullmatch(r"/api/v1/(workflows|executions)(?:/([^/]+))?(?:/((?:de)?activate))?", call["path"])
        kind, identity, verb = place.groups()
        if call["headers"].get("x-n8n-api-key") != API_KEY:
            return JSONResponse({"message": "unauthorized"}, 401)
        rows = self.workflows if kind == "workflows" else {"7": {"id": "7", "status": "success", "workflowId": "w1"}}
        if identity is None and call["method"] == "POST":
            if set(call["body"]) != {"name", "nodes", "connections", "settings"}:
                return JSONResponse({"message": "request/body must NOT have additional properties"}, 400)
            identity = f"w{len(rows) + 1}"
            rows[identity] = {**call["body"], "id": identity, "active": False}
        elif identity is None:
            return JSONResponse({"data": list(rows.values()), "nextCursor": None})
        if identity not in rows:
            return JSONResponse({"message": "Not Found"}, 404)
        if verb:
            rows[identity]["active"] = verb == "activate"
        elif call["method"] == "PUT":
            rows[identity] |= call["body"]
        return JSONResponse(rows.pop(identity) if call["method"] == "DELETE" else rows[identity])

    def _host(self, call):
        if call["path"] == "/health":
            return JSONResponse({"status": "ok", "service": "host-agent", "version": "1.0.0"})
        if call["headers"].get("authorization") != f"Bearer {HOST_TOKEN}":
            return JSONResponse({"detail": "a valid bearer token is needed"}, 401)
        answers = {
            ("POST", "/backup/n8n"): {
                "status": "ok",
                "workflows": 2,
                "changed": False,
                "commit": None,
                "pushed": False,
            },
            ("GET", "/git/status"): {"branch": "main", "dirty": False, "ahead": 0, "behind": 0},
            ("GET", "/system/info"): {"disk": {}, "memory": {}, "load": [0, 0, 0], "uptime_s": 1},
            ("GET", "/tasks"): {"tasks": [{"name": "disk-usage"}, {"name": "snapshot"}]},
            ("POST", "/tasks/disk-usage"): {"status": "ok", "exit_code": 0, "stdout_tail": "42%"},
        }
        answer = answers.get((call["method"], call["path"]))
        return JSONResponse(answer or {"detail": "not found"}, 200 if answer else 404)


_NOBODY = socket.socket()
_NOBODY.bind(("127.0.0.1", 0))
REFUSED = _NOBODY.getsockname()[1]
"""A port that is nobody's as long as the tests run, and that nobody listens on."""


class Served:
    """The server while it runs, and clients for it."""

    def __init__(self, port, app):
        self.port, self.app = port, app
        self.url = f"http://127.0.0.1:{port}"
        self.mcp = f"{self.url}/llm/mcp/"

    def http(self, token=TOKEN, **headers):
        said = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx2.Client(base_url=self.url, headers={**said, **headers}, trust_env=False, timeout=120)

    @asynccontextmanager
    async def client(self, mode="legacy", token=TOKEN, url=None):
        """The official client, in a session of its own (mode legacy) or without one (auto)."""
        headers = {"Authorization": f"Bearer {token}"}
        async with (
            httpx2.AsyncClient(headers=headers, trust_env=False, timeout=120) as http,
            Client(streamable_http_client(url or self.mcp, http_client=http), mode=mode) as client,
        ):
            yield client


@contextmanager
def serve(env=ENV, transport=None, **changes):
    chosen = replace(settings(env), **changes)
    app = create_app(chosen, transport)
    door = socket.create_server(("127.0.0.1", 0))
    port = door.getsockname()[1]
    config = uvicorn.Config(app, log_config=None, ws="none", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([door],), daemon=True)
    thread.start()
    end = time.monotonic() + 180
    while not server.started:
        assert thread.is_alive() and time.monotonic() < end, "the server did not start"
        time.sleep(0.01)
    try:
        yield Served(port, app)
    finally:
        server.should_exit = True
        thread.join(60)
        assert not thread.is_alive(), "a stop does not wait for streams"
