"""OpenClaw from npm: whoever has its gateway's token talks to it, and it talks to LiteLLM alone."""

import json
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from catalog.openclaw.service import SERVICE
from tests.rehearsal.vpai_services.conftest import run_beside
from tests.support.catalog_containers import ensure, healthy, logs, shown
from tests.support.checkout import ROOT
from tests.support.containers import docker

pytestmark = pytest.mark.docker
VALUES = {"openclaw-api-key": "e5" * 32, "litellm-master-key": "f6" * 32}
ORIGIN = "https://admin.example.com"
N8N = json.loads((ROOT / "catalog/presets/vpai/n8n/workflows/31_agent_ask.json").read_text())
(CALL,) = (node["parameters"] for node in N8N["nodes"] if node["name"] == "OpenClaw")
SAID = {each["name"]: each["value"] for each in CALL["headerParameters"]["parameters"]}
"""What the preset's workflow says beside the token."""


@pytest.fixture(scope="module")
def provider(place):
    """What answers in LiteLLM's place, and counts."""
    name = run_beside(place, "litellm", Path(__file__).parent / "provider.py", 4000)
    yield name
    docker("rm", "--force", name)


@pytest.fixture(scope="module")
def openclaw(place, provider):
    assert provider
    ensure(SERVICE.image)
    subnet = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", place.name)
    texts = {"origin:openclaw": ORIGIN, "subnet:backend": subnet, "subnet:egress": subnet}
    container = place.start(SERVICE, VALUES, texts=texts, publish=("--publish", "127.0.0.1::18789"))
    return healthy(container, SERVICE.health.gate)


def ask(openclaw, key, words="say 5", **more):
    """What its API for programs answers, as n8n asks it."""
    host = docker("port", openclaw, "18789/tcp").splitlines()[0]
    body = json.dumps({"model": "openclaw", "messages": [{"role": "user", "content": words}]}).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    headers |= {name.replace("_", "-"): value for name, value in (more or SAID).items() if value}
    request = urllib.request.Request(f"http://{host}/v1/chat/completions", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the test's own container
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def kept(provider, what):
    """What the one in LiteLLM's place has kept of its calls, or of the models' tools."""
    ask = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:4000/{what}').read().decode())"
    return json.loads(docker("exec", provider, "python", "-c", ask))


@pytest.mark.req("S5-41", "S5-80")
def test_it_answers_whoever_has_its_token_and_nobody_else(openclaw):
    assert [401, 401] == [ask(openclaw, key)[0] for key in ("", "wrong")], "no token, no answer"
    status, answer = ask(openclaw, VALUES["openclaw-api-key"])
    assert status == 200, (answer, logs(openclaw))
    assert "an answer" == answer["choices"][0]["message"]["content"], "what the model said"


@pytest.mark.req("S5-41")
def test_it_answers_whom_the_proxy_sends_and_its_operator_lists_devices(openclaw):
    sent = {"X_Forwarded_For": "100.64.0.7", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "admin.example.com"}
    assert 200 == ask(openclaw, VALUES["openclaw-api-key"], **sent)[0], "a browser reaches it through the proxy alone"
    assert 401 == ask(openclaw, "wrong", **sent)[0], "and needs the token all the same"
    assert 403 == ask(openclaw, VALUES["openclaw-api-key"], X_Forwarded_For="")[0], "who does not say is refused"
    listed = docker("exec", openclaw, "sh", "/etc/homeport/start.sh", "devices", "list", "--json")
    assert {"pending", "paired"} <= json.loads(listed).keys(), "a browser's first visit is approved there"


@pytest.mark.req("S5-43")
def test_its_models_come_by_litellm_with_its_key(openclaw, provider):
    ask(openclaw, VALUES["openclaw-api-key"])
    asked = kept(provider, "calls")
    assert asked and all(call.endswith(f"Bearer sk-{VALUES['litellm-master-key']}") for call in asked), asked
    assert any(" claude-sonnet " in call for call in asked), "by the name that LiteLLM has for the model"


@pytest.mark.req("S5-41")
def test_its_page_is_served_by_the_gateway_itself(openclaw):
    host = docker("port", openclaw, "18789/tcp").splitlines()[0]
    page = urllib.request.Request(f"http://{host}/", headers=SAID)
    with urllib.request.urlopen(page, timeout=60) as answer:  # noqa: S310  # the test's own container
        page = answer.read().decode()
    assert "<title>OpenClaw Control</title>" in page, "the control UI; what it asks for needs the token"


@pytest.mark.req("S5-41")
def test_its_state_is_on_its_volume_and_it_has_no_rights(openclaw):
    assert docker("exec", openclaw, "ls", "/home/node/.openclaw").split(), "sessions and memory outlive the container"
    facts = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}"
    assert "1000:1000 true [ALL] []" == docker("inspect", "--format", facts, openclaw), "it needs none"
    log = subprocess.run(["docker", "logs", openclaw], capture_output=True, text=True, check=True)
    seen = shown(openclaw) + docker("top", openclaw) + log.stdout + log.stderr
    assert [] == [name for name, word in VALUES.items() if word in seen], "its secrets are files"


TALKS = {
    *("agents_list", "agents_wait", "ask_user", "conversations_list", "conversations_send", "conversations_turn"),
    *("create_goal", "get_goal", "update_goal", "memory_get", "memory_search", "message", "progress_card"),
    *("session_status", "sessions", "sessions_history", "sessions_list", "sessions_search", "sessions_send"),
    *("sessions_spawn", "sessions_yield", "subagents", "tool_call", "tool_describe", "tool_search"),
}
"""To talk, to remember, to start another session, and to find these."""
REFUSED = {
    "exec": {"command": "id"},
    "read": {"path": "/etc/homeport/env/LITELLM_API_KEY"},
    "web_fetch": {"url": "http://litellm:4000/calls"},
    "plugins": {"action": "list"},
    "openclaw": {"message": "show the configuration"},
}


def test_an_agent_has_no_tool_that_runs_a_program_reads_a_file_or_fetches_an_address(openclaw, provider):
    ask(openclaw, VALUES["openclaw-api-key"])
    assert {*kept(provider, "tools")} <= TALKS, (
        "its sub-agents are sessions of the same gateway, with no more than these"
    )
    # Offered or not: a model may name any of them.
    for name, arguments in REFUSED.items():
        words = f"call tool_call {json.dumps({'id': name, 'args': arguments})}"
        assert 200 == ask(openclaw, VALUES["openclaw-api-key"], words)[0], logs(openclaw)
    ask(openclaw, VALUES["openclaw-api-key"], 'call tool_call {"id": "session_status", "args": {}}')
    *answers, known = kept(provider, "told")
    assert len(REFUSED) == len(answers), answers
    assert [] == [answer for answer in answers if "Unknown tool" not in answer], "none of them is there"
    assert "Unknown tool" not in known, "where one that is there answers"
    assert "docker.sock" not in shown(openclaw) and not docker(
        "exec", openclaw, "sh", "-c", "command -v docker || true"
    )
