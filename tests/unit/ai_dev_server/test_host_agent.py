"""The AI Dev Server on the real HostAgent: two programs of ours that know each other by a contract alone."""

from __future__ import annotations

import sys

import pytest

from tests.support.checkout import ROOT

sys.path[:0] = [str(ROOT / "apps/ai_dev_server"), str(ROOT / "apps/ai_dev_server/tests")]

from dev_server_world import ENV, serve  # noqa: E402

from apps.host_agent.tests.conftest import TOKEN, Agent  # noqa: E402

pytestmark = [pytest.mark.anyio, pytest.mark.slow]  # real processes, and tasks that they start
SAVED = '{"workflows": 3, "changed": true, "commit": "abc1234", "pushed": false}'


@pytest.fixture
def anyio_backend():
    return "asyncio"


@pytest.fixture(scope="module")
def agent(tmp_path_factory):
    running = Agent(tmp_path_factory.mktemp("agent"), tasks={"date": {"argv": ["/bin/date"]}})
    running.backup(f"print('{SAVED}')")
    yield running
    running.close()


def _words(result):
    return " ".join(part.text for part in result.content)


@pytest.mark.req("S1-56", "FP-02", "FP-01")
async def test_every_host_tool_works_on_the_real_agent(agent):
    url = f"http://127.0.0.1:{agent.port}"
    with serve({**ENV, "HOST_AGENT_BEARER_TOKEN": TOKEN, "HOST_AGENT_URL": url}) as server:
        async with server.client() as client:
            seen = {
                tool: await client.call_tool(tool, arguments)
                for tool, arguments in (
                    ("host_health", {}),
                    ("host_backup_n8n", {}),
                    ("host_system_info", {}),
                    ("host_run_task", {"name": "date"}),
                )
            }
            unknown = await client.call_tool("host_run_task", {"name": "push-to-main"})

    assert [] == [(tool, _words(result)) for tool, result in seen.items() if result.is_error]
    assert "host-agent" == seen["host_health"].structured_content["service"]
    assert 3 == seen["host_backup_n8n"].structured_content["workflows"]
    assert "date" == seen["host_run_task"].structured_content["task"]
    assert unknown.is_error and "the tasks that there are: date" in _words(unknown)


@pytest.mark.req("J-05", "FP-02")
async def test_the_agent_refuses_the_assistants_own_token(agent):
    env = {
        **ENV,
        "HOST_AGENT_BEARER_TOKEN": ENV["MCP_BEARER_TOKEN"],
        "HOST_AGENT_URL": f"http://127.0.0.1:{agent.port}",
    }
    with serve(env) as server:
        async with server.client() as client:
            result = await client.call_tool("host_system_info", {})

    assert result.is_error
    assert "HostAgent answered 401" in _words(result) and "compare host-agent/.env" in _words(result)
