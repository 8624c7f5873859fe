"""The AI Dev Server as it is run: its image built by the update, real n8n behind it, the real proxy before it.

The official MCP client calls every tool over TLS. The host is this machine, with an agent that holds HostAgent's
contract.
"""

from __future__ import annotations

import http.server
import json
import threading
import time

import anyio
import pytest

from tests.support import assistant
from tests.support.doorway import Doorway
from tests.support.scratch import docker, free_port, inspect
from tests.support.waits import until

pytestmark = pytest.mark.world

PRESET = """
from dataclasses import replace

from catalog.ai_dev_server import service as ai_dev_server
from catalog.caddy import service as caddy
from catalog.presets.ai_orchestrator.services import POSTGRES
from catalog.presets.vps_infrastructure.services import N8N
from homeport.model.database import Database, Role
from homeport.model.network import Network
from homeport.model.preset import Preset
from homeport.model.route import Guard, Route
from homeport.model.service import Health

DB = replace(
    POSTGRES,
    name="db",
    networks=("front",),
    health=Health(test=("pg_isready", "-q", "-h", "127.0.0.1"), interval=5, start_period=60),
)
N8N = replace(
    N8N,
    networks=("front",),
    env={**N8N.env, "DB_POSTGRESDB_HOST": "@NAME@-db"},
    needs=("db",),
)
SERVER = replace(
    ai_dev_server.SERVICE,
    networks=("front",),
    env={
        **ai_dev_server.SERVICE.env,
        "N8N_BASE_URL": "http://@NAME@-n8n:5678",
        "HOST_AGENT_URL": "http://host.docker.internal:@AGENT@",
    },
    needs=("n8n",),
)
PRESET = Preset(
    name="ai-orchestrator",
    purpose="The AI Dev Server and what it works with",
    services=(caddy.ON_HOST, DB, N8N, SERVER),
    networks=(Network(name="front", subnet="172.30.90.0/24", internal=False),),
    databases=(
        Database(
            name="n8n",
            server="db",
            owner="n8n",
            roles=(Role(name="n8n", secret="n8n-database-password"),),
            users=("n8n",),
        ),
    ),
    routes=(
        Route(
            name="ai-dev",
            service="ai-dev-server",
            port=8080,
            guards=(Guard(kind="open", because="the server asks for its bearer token itself"),),
        ),
        # n8n's own settings name a route of this name.
        Route(
            name="n8n",
            service="n8n",
            port=5678,
            guards=(Guard(kind="open", because="n8n has a login"),),
        ),
    ),
)
"""
NEW = {
    "name": "made by the assistant",
    "nodes": [
        {
            "id": "00000002-0000-4000-8000-000000000001",
            "name": "Called",
            "type": "n8n-nodes-base.webhook",
            "typeVersion": 2.1,
            "position": [0, 0],
            "parameters": {"httpMethod": "POST", "path": "by-the-assistant", "options": {}},
            "webhookId": "00000002-0000-4000-8000-0000000000ff",
        },
        {
            "id": "00000002-0000-4000-8000-000000000002",
            "name": "Nothing",
            "type": "n8n-nodes-base.noOp",
            "typeVersion": 1,
            "position": [220, 0],
            "parameters": {},
        },
    ],
    "connections": {"Called": {"main": [[{"node": "Nothing", "type": "main", "index": 0}]]}},
    "settings": {"executionOrder": "v1"},
}


class Agent(http.server.BaseHTTPRequestHandler):
    """HostAgent by its contract: what it asks for, and what it answers."""

    token = ""
    slow = threading.Event()
    calls: list[str] = []  # noqa: RUF012  # one of this test's

    def answer(self):
        self.calls.append(f"{self.command} {self.path}")
        answers = {
            "GET /health": {"status": "ok", "service": "host-agent", "version": "1"},
            "POST /backup/n8n": {"status": "ok", "workflows": 1, "changed": True, "commit": "a" * 40, "pushed": False},
            "GET /git/status": {"branch": "main", "dirty": False},
            "GET /system/info": {"uptime_s": 1},
            "GET /tasks": {"tasks": ["slow", "snapshot"]},
            "POST /tasks/snapshot": {"status": "ok", "task": "snapshot", "exit_code": 0},
            "POST /tasks/slow": {"status": "ok", "task": "slow", "exit_code": 0},
        }
        right = self.path == "/health" or self.headers["Authorization"] == f"Bearer {self.token}"
        body = answers.get(f"{self.command} {self.path}") if right else {"detail": "no token"}
        if self.path == "/tasks/slow":
            self.slow.wait(900)
        content = json.dumps(body or {"detail": "there is no such task"}).encode()
        self.send_response(401 if not right else 200 if body else 404)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = answer  # noqa: N815  # the library's names

    def log_message(self, *_):
        pass


class System(Doorway):
    """The stack: each service under its name behind the namespace."""

    def __init__(self, folder, agent):
        super().__init__(folder, PRESET, {})
        self.here = {name: free_port() for name in ("caddy", "n8n", "ai-dev-server")}
        self.configure(services={name: {"port": port} for name, port in self.here.items()})
        preset = self.folder / "catalog/presets/ai_orchestrator/preset.py"
        preset.write_text(PRESET.replace("@NAME@", self.name).replace("@AGENT@", str(agent)))

    def up(self):
        """As long as n8n's own gate waits, and some more: on a busy machine its first start takes minutes."""
        # No preset that every run brings up has this server, so its images may not be there yet.
        images = self.homeport("images", "--ensure")
        assert images.returncode == 0, images.stdout
        return self.pulumi("up", "--yes", "--skip-preview", timeout=900)

    @property
    def server(self):
        return f"{self.name}-ai-dev-server"


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    with http.server.ThreadingHTTPServer(("0.0.0.0", 0), Agent) as agent:
        threading.Thread(target=agent.serve_forever, daemon=True).start()
        with System(tmp_path_factory.mktemp("ai-dev"), agent.server_port).running() as running:
            Agent.token = running.outputs()["credentials"]["host-agent-bearer-token"]
            yield running
        Agent.slow.set()
        agent.shutdown()


@pytest.fixture(scope="module")
def door(stack):
    return stack.door()


@pytest.fixture(scope="module")
def token(stack):
    return stack.outputs()["credentials"]["mcp-bearer-token"]


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.mark.req("S1-55", "S1-56", "S1-59", "S1-43", "FP-02")
@pytest.mark.anyio
async def test_an_assistant_works_with_real_workflows_through_the_proxy(stack, door, token):
    async with assistant.assistant(token, door=door) as client:

        async def call(tool, **arguments):
            result = await client.call_tool(tool, arguments)
            # On a busy machine n8n may take longer than the server waits; what only reads can be asked again.
            with anyio.fail_after(180):
                while result.is_error and "_list_" in tool and "no answer within" in assistant.words(result):
                    result = await client.call_tool(tool, arguments)
            assert not result.is_error, (tool, assistant.words(result))
            return result.structured_content

        names = {row["name"]: row["active"] for row in (await call("n8n_list_workflows"))["data"]}
        assert {"neighbours": True} == names, "what was delivered with n8n"
        identity = (await call("n8n_create_workflow", **NEW))["id"]
        assert not (await call("n8n_get_workflow", workflow_id=identity))["active"]
        changed = {**NEW, "name": "changed by the assistant"}
        assert "changed" in (await call("n8n_update_workflow", workflow_id=identity, **changed))["name"]
        assert (await call("n8n_activate_workflow", workflow_id=identity))["active"]
        run = await anyio.to_thread.run_sync(
            lambda: docker(
                *("exec", f"{stack.name}-n8n", "node", "-e"),
                "fetch('http://127.0.0.1:5678/webhook/by-the-assistant',{method:'POST'}).then(r=>console.log(r.status))",
            )
        )
        assert "200" == run.strip(), "an active workflow runs when it is called"
        rows = []
        with anyio.fail_after(180):
            while not rows:
                rows = (await call("n8n_list_executions", workflow_id=identity, status="success"))["data"]
        shown = await call("n8n_get_execution", execution_id=str(rows[0]["id"]), include_data=True)
        assert identity == shown["workflowId"]
        assert not (await call("n8n_deactivate_workflow", workflow_id=identity))["active"]

        await call("n8n_delete_workflow", workflow_id=identity)
        gone = await client.call_tool("n8n_get_workflow", {"workflow_id": identity})
        assert gone.is_error and "n8n answered 404" in assistant.words(gone)

        for tool in ("host_health", "host_backup_n8n", "host_git_status", "host_system_info"):
            await call(tool)
        assert "snapshot" == (await call("host_run_task", name="snapshot"))["task"]


@pytest.mark.req("S1-59")
@pytest.mark.anyio
async def test_a_client_of_this_year_needs_no_session(door, token):
    async with assistant.assistant(token, door=door, mode="auto") as client:
        result = await client.call_tool("host_health", {})

    assert not result.is_error, assistant.words(result)


@pytest.mark.req("S1-36")
@pytest.mark.anyio
async def test_nobody_gets_in_with_twenty_wrong_tokens(door, token):
    wrong = ["", "x", token[:-1], token + "0", token.upper(), *(f"{number:064x}" for number in range(15))]
    seen = []
    for bearer in wrong:
        async with assistant.http(bearer, door=door) as calls:
            answer = await calls.post(assistant.PATH, json={"jsonrpc": "2.0", "id": 1, "method": "ping"})
            seen.append((answer.status_code, answer.headers["www-authenticate"], answer.text))
    async with assistant.http("", door=door) as calls:
        health = await calls.get("/health")

    assert 20 == len(wrong)
    assert 1 == len(set(seen)) and seen[0][:2] == (401, "Bearer"), seen
    assert (200, {"status": "ok"}) == (health.status_code, health.json()), "this is open to all"


@pytest.mark.req("S1-16", "S1-58", "S1-76", "S1-13")
def test_the_container_is_as_described_and_its_documented_checks_work(stack):
    seen = inspect(stack.server)
    agent = next(line for line in seen["Config"]["Env"] if line.startswith("HOST_AGENT_URL=")).partition("=")[2]

    assert [{"HostIp": "127.0.0.1", "HostPort": str(stack.here["ai-dev-server"])}] == (
        seen["NetworkSettings"]["Ports"]["8080/tcp"]
    )
    assert ["host.docker.internal:host-gateway"] == seen["HostConfig"]["ExtraHosts"]
    assert "10001:10001" == seen["Config"]["User"]
    assert seen["Config"]["Labels"]["homeport.image"].startswith("homeport/ai-dev-server:"), "built by the update"
    assert ["CMD", "curl", "-fsS", "http://127.0.0.1:8080/health"] == seen["Config"]["Healthcheck"]["Test"]
    asked = [
        docker("exec", stack.server, "curl", "-s", url)
        for url in (f"{agent}/health", f"http://{stack.name}-n8n:5678/healthz", "http://127.0.0.1:8080/health")
    ]
    assert ["host-agent", None] == [json.loads(text).get("service") for text in asked[:2]]
    assert ["ok"] * 3 == [json.loads(text)["status"] for text in asked]


@pytest.mark.req("S1-43", "FP-02")
def test_no_secret_is_in_what_docker_shows_or_keeps(stack):
    outputs = stack.outputs()["credentials"]
    shown = docker("inspect", stack.server) + docker("logs", stack.server) + docker("top", stack.server)

    assert [] == [name for name, value in outputs.items() if value and str(value) in shown]


@pytest.mark.req("S1-59", "FP-02")
@pytest.mark.anyio
async def test_a_stream_stays_open_while_a_task_runs(door, token):
    """A call that takes long, and the session's own stream beside it: twenty seconds here.

    What could end them is a time limit of the proxy, and the next test shows that there is none.
    """
    await _streams_for(20, door, token)


@pytest.mark.long
@pytest.mark.campaign
@pytest.mark.req("S1-59")
@pytest.mark.anyio
async def test_a_stream_stays_open_for_ten_minutes(door, token):
    await _streams_for(600, door, token)


async def _streams_for(seconds, door, token):
    session = {"Accept": "application/json, text/event-stream"}
    start = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
    async with assistant.http(token, door=door, seconds=seconds + 120) as calls:
        opened = await calls.post(
            assistant.PATH, json={"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": start}, headers=session
        )
        session["Mcp-Session-Id"] = opened.headers["mcp-session-id"]
        began = time.monotonic()
        pings = 0
        async with calls.stream("GET", assistant.PATH, headers=session) as stream:
            assert 200 == stream.status_code
            lines = stream.aiter_lines()
            async for line in lines:
                pings += line.startswith(": ping")
                if time.monotonic() - began >= seconds:
                    break
        after = await calls.post(assistant.PATH, json={"jsonrpc": "2.0", "id": 2, "method": "ping"}, headers=session)
    print(f"a stream of {time.monotonic() - began:.0f} s with {pings} signs of life")

    assert pings >= seconds // 15, "the server's signs of life come through as they are sent"
    assert 200 == after.status_code, "and the session goes on"


@pytest.mark.req("S1-59")
def test_no_limit_of_the_proxy_ends_a_stream(stack):
    config = json.loads(
        docker("exec", stack.proxy, "caddy", "adapt", "--config", "/etc/homeport/Caddyfile", "--adapter", "caddyfile")
    )
    servers = config["apps"]["http"]["servers"].values()
    upstreams = [
        handler
        for server in servers
        for handler in _handlers(server["routes"])
        if handler.get("handler") == "reverse_proxy"
    ]

    assert upstreams, "the proxy leads somewhere"
    assert [] == [server["write_timeout"] for server in servers if server.get("write_timeout")]
    assert [] == [up for up in upstreams if up.get("stream_timeout") or (up.get("transport") or {}).get("read_timeout")]


def _handlers(routes):
    for route in routes:
        for handler in route.get("handle", ()):
            yield handler
            yield from _handlers(handler.get("routes", ()))


@pytest.mark.req("FP-02")
@pytest.mark.anyio
async def test_a_client_that_goes_away_leaves_nothing_running(stack, door, token):
    async with assistant.assistant(token, door=door) as client:
        with anyio.move_on_after(3) as patience:
            await client.call_tool("host_run_task", {"name": "slow"})
    Agent.slow.set()
    # Docker's own check of its health is a process in it too, for a moment.
    await anyio.to_thread.run_sync(
        lambda: until(
            lambda: 2 >= len(docker("top", stack.server).strip().splitlines()) - 1,
            "one process, and the one that reaps",
        )
    )
    Agent.slow.clear()

    assert patience.cancelled_caught


@pytest.mark.req("P-02")
def test_nothing_is_left_to_do_also_after_a_refresh(stack):
    done = stack.pulumi("preview", "--refresh", "--expect-no-changes")

    assert done.returncode == 0, done.stdout + done.stderr
