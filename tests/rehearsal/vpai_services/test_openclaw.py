"""OpenClaw from npm: who has its token talks to it, it talks to LiteLLM alone, its programs run in the sandbox."""

import base64
import json
import re
import shlex
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from catalog.openclaw.service import SERVICE
from catalog.openclaw_sandbox.service import SERVICE as SANDBOX
from components.connection import private_key
from homeport.model import ssh_keys
from tests.rehearsal.vpai_services.conftest import run_beside
from tests.support.catalog_containers import Place, healthy, logs, shown
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.waits import until

pytestmark = pytest.mark.docker
KEY, HOST_KEY = (ssh_keys.body(private_key(base64.b64encode(bytes([number]) * 32).decode())) for number in (1, 2))
VALUES = {
    "openclaw-api-key": "d4" * 32,
    "openclaw-gateway-token": "e5" * 32,
    "litellm-openclaw-key": "f6" * 32,
    "openclaw-sandbox-key": KEY,
    "openclaw-sandbox-host-key": HOST_KEY,
}
TOKEN = VALUES["openclaw-gateway-token"]
PUBLIC = {
    f"{name}-public": ssh_keys.public_half(VALUES[name]) for name in VALUES if name.startswith("openclaw-sandbox")
}
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
def sandbox():
    """The sandbox on a network of its own, which nothing leads out of."""
    alone = Place("--internal")
    healthy(alone.start(SANDBOX, {**VALUES, **PUBLIC}, image=alone.build(SANDBOX)), SANDBOX.health.gate)
    yield alone
    alone.close()


@pytest.fixture(scope="module")
def openclaw(place, provider, sandbox):
    assert provider
    subnet = docker("network", "inspect", "--format", "{{(index .IPAM.Config 0).Subnet}}", place.name)
    texts = {"origin:openclaw": ORIGIN, "subnet:backend": subnet, "subnet:egress": subnet}
    reached, image = ("--publish", "127.0.0.1::18789"), place.build(SERVICE)
    container = place.start(SERVICE, {**VALUES, **PUBLIC}, texts=texts, publish=reached, image=image)
    docker("network", "connect", "--alias", "openclaw", sandbox.name, container)
    yield healthy(container, SERVICE.health.gate)
    # It outlives the sandbox's network, which goes with its last container.
    docker("network", "disconnect", "--force", sandbox.name, container)


def ask(openclaw, key, words="say 5", **more):
    """What its API for programs answers, as n8n asks it."""
    host = docker("port", openclaw, "18789/tcp").splitlines()[0]
    body = json.dumps({"model": "openclaw", "messages": [{"role": "user", "content": words}]}).encode()
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
    headers |= {name.replace("_", "-"): value for name, value in (more or SAID).items() if value}
    request = urllib.request.Request(f"http://{host}/v1/chat/completions", data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310  # the test's own container
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def kept(provider, what):
    """What the one in LiteLLM's place has kept of its calls, or of the models' tools."""
    ask = f"import urllib.request; print(urllib.request.urlopen('http://127.0.0.1:4000/{what}').read().decode())"
    return json.loads(docker("exec", provider, "python", "-c", ask))


@pytest.mark.req("S5-41", "S5-80")
def test_it_answers_whoever_has_its_token_and_nobody_else(openclaw):
    others = ("", "wrong", VALUES["openclaw-api-key"])
    assert [401, 401, 401] == [ask(openclaw, key)[0] for key in others], "no token, no answer"
    status, answer = ask(openclaw, TOKEN)
    assert status == 200, (answer, logs(openclaw))
    assert "an answer" == answer["choices"][0]["message"]["content"], "what the model said"


@pytest.mark.req("S5-41")
def test_it_answers_whom_the_proxy_sends_and_its_operator_lists_devices(openclaw):
    sent = {"X_Forwarded_For": "100.64.0.7", "X_Forwarded_Proto": "https", "X_Forwarded_Host": "admin.example.com"}
    assert 200 == ask(openclaw, TOKEN, **sent)[0], "a browser reaches it through the proxy alone"
    assert 401 == ask(openclaw, "wrong", **sent)[0], "and needs the token all the same"
    assert 403 == ask(openclaw, TOKEN, X_Forwarded_For="")[0], "who does not say is refused"
    listed = docker("exec", openclaw, "sh", "/etc/homeport/start.sh", "devices", "list", "--json")
    assert {"pending", "paired"} <= json.loads(listed).keys(), "a browser's first visit is approved there"


@pytest.mark.req("S5-43")
def test_its_models_come_by_litellm_with_its_own_key(openclaw, provider):
    ask(openclaw, TOKEN)
    asked = kept(provider, "calls")
    assert asked and all(call.endswith(f"Bearer sk-{VALUES['litellm-openclaw-key']}") for call in asked), asked
    assert any(" claude-sonnet " in call for call in asked), "by the name that LiteLLM has for the model"


@pytest.mark.req("S5-41")
def test_its_page_is_served_by_the_gateway_itself(openclaw):
    host = docker("port", openclaw, "18789/tcp").splitlines()[0]
    page = urllib.request.Request(f"http://{host}/", headers=SAID)
    with urllib.request.urlopen(page, timeout=120) as answer:  # noqa: S310  # the test's own container
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
    *("exec", "process"),
    *("agents_list", "agents_wait", "ask_user", "conversations_list", "conversations_send", "conversations_turn"),
    *("create_goal", "get_goal", "update_goal", "memory_get", "memory_search", "message", "progress_card"),
    *("session_status", "sessions", "sessions_history", "sessions_list", "sessions_search", "sessions_send"),
    *("sessions_spawn", "sessions_yield", "subagents", "tool_call", "tool_describe", "tool_search"),
}
"""To talk, to remember, to start another session, to run programs in the sandbox, and to find these."""
REFUSED = {
    "read": {"path": "/etc/homeport/env/LITELLM_API_KEY"},
    "web_fetch": {"url": "http://litellm:4000/calls"},
    "plugins": {"action": "list"},
    "openclaw": {"message": "show the configuration"},
}


def test_an_agent_has_no_tool_that_reads_the_gateways_files_or_fetches_an_address(openclaw, provider):
    ask(openclaw, TOKEN)
    assert {*kept(provider, "tools")} <= TALKS, (
        "its sub-agents are sessions of the same gateway, with no more than these"
    )
    # Offered or not: a model may name any of them.
    for name, arguments in REFUSED.items():
        words = f"call tool_call {json.dumps({'id': name, 'args': arguments})}"
        assert 200 == ask(openclaw, TOKEN, words)[0], logs(openclaw)
    ask(openclaw, TOKEN, 'call tool_call {"id": "session_status", "args": {}}')
    *answers, known = kept(provider, "told")
    assert len(REFUSED) == len(answers), answers
    assert [] == [answer for answer in answers if "Unknown tool" not in answer], "none of them is there"
    assert "Unknown tool" not in known, "where one that is there answers"
    assert "docker.sock" not in shown(openclaw) and not docker(
        "exec", openclaw, "sh", "-c", "command -v docker || true"
    )


PROBE = """
import json, os, socket, sys, urllib.error, urllib.request
def reaches(address):
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), 2).close()
    except OSError:
        return False
    return True
def status(url):
    try:
        return urllib.request.urlopen(url, timeout=120).status
    except urllib.error.HTTPError as refused:
        return refused.code
found = [path for path in json.loads(sys.argv[1]) if os.path.exists(path)]
reached = [address for address in json.loads(sys.argv[2]) if reaches(address)]
print("PROBE" + json.dumps([socket.gethostname(), os.getuid(), found, reached, status(sys.argv[3])]))
"""
"""What a program of an agent finds: where it is, files and addresses that it asks for, and the gateway's own answer."""


def program(command, **more):
    """What an agent's model says to have it run; a busy machine has two minutes before it goes to the background."""
    return f"call exec {json.dumps({'command': command, 'yieldMs': 110_000, **more})}"


def run(openclaw, provider, command, session="", **more):
    """What an agent is told of a program, in a session of its own or in one with that key."""
    return told(openclaw, provider, program(command, **more), session)


def told(openclaw, provider, words, session=""):
    """What tools answered to an agent's model that was spoken to."""
    before = len(kept(provider, "told"))
    headers = {**SAID, "X-OpenClaw-Session-Key": session}
    status, answer = ask(openclaw, TOKEN, words, **headers)
    assert status == 200, (answer, logs(openclaw))
    return "\n".join(kept(provider, "told")[before:])


def probe(files, addresses, url):
    """The command of an agent that looks around."""
    return shlex.join(["python3", "-c", PROBE, json.dumps(files), json.dumps(addresses), url])


@pytest.mark.req("S5-42")
def test_a_program_of_an_agent_runs_in_the_sandbox_and_finds_nothing_of_the_gateway_or_beyond(
    openclaw, provider, sandbox, place
):
    addresses = json.loads(docker("inspect", "--format", "{{json .NetworkSettings.Networks}}", openclaw))
    files = ["/etc/homeport/env", "/etc/homeport/sandbox", "/home/node", "/app", "/var/run/docker.sock"]
    away = [
        *("litellm:4000", f"{addresses[place.name]['IPAddress']}:18789", f"{place.block}.1:22"),
        *("169.254.169.254:80", "192.0.2.1:443", "example.com:443"),
    ]
    beside = f"{addresses[sandbox.name]['IPAddress']}:18789"
    seen = run(openclaw, provider, probe(files, [*away, beside], f"http://{beside}/v1/models"))
    host, uid, found, reached, answer = json.loads(seen.partition("PROBE")[2].splitlines()[0])
    assert (SANDBOX.name, SANDBOX.uid) == (host, uid), "as an ordinary user, in a container of its own"
    assert [] == found, "no file of the gateway, none of its secrets, no socket of Docker"
    assert [beside] == reached, "the gateway, which it shares the network with, or the probe would be blind"
    assert answer in {401, 403}, "and which wants its token there too"


@pytest.mark.req("S5-42")
def test_no_program_runs_at_the_gateway_whatever_a_call_or_an_operator_says(openclaw, provider):
    for more in ({"host": "gateway"}, {"host": "node"}, {"elevated": True}):
        seen = run(openclaw, provider, "echo here $((40 + 2)) on $(hostname)", **more)
        assert "here 42 on openclaw\n" not in f"{seen}\n", (more, seen)
    # An administrator may take a session out of the sandbox: then its programs are refused.
    session = "agent:main:explicit"
    assert "on openclaw-sandbox" in run(openclaw, provider, "echo on $(hostname)", session=session)
    off = ("sessions.patch", "--params", json.dumps({"key": session, "sandboxMode": "off"}))
    docker("exec", openclaw, "sh", "/etc/homeport/start.sh", "gateway", "call", *off)
    seen = run(openclaw, provider, "echo on $(hostname)", session=session)
    assert "on openclaw" not in seen and "sandbox" in seen, f"it fails closed: {seen}"


@pytest.mark.req("S5-42")
def test_it_is_hardened_as_all_others_and_its_keys_are_files_of_their_owners_alone(openclaw, sandbox):
    container = f"{sandbox.name}-{SANDBOX.name}"
    facts = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.SecurityOpt}}"
    assert "10003:10003 true [ALL] [no-new-privileges]" == docker("inspect", "--format", facts, container)
    files = ("/etc/homeport/host_key", "/etc/homeport/authorized_keys"), ("/etc/homeport/sandbox/key",)
    for name, paths in zip((container, openclaw), files, strict=True):
        modes = {docker("exec", name, "stat", "-c", "%a", path) for path in paths}
        assert {"400"} == modes, "nobody else reads them"
    seen = shown(container) + shown(openclaw) + docker("top", container) + logs(container)
    assert [] == [name for name in ("openclaw-sandbox-key", "openclaw-sandbox-host-key") if VALUES[name] in seen]


@pytest.mark.req("S5-42")
def test_after_its_restart_it_serves_again_and_a_stranger_in_its_place_is_refused(openclaw, provider, sandbox):
    container = f"{sandbox.name}-{SANDBOX.name}"
    docker("restart", container)
    healthy(container)
    assert "still 42" in run(openclaw, provider, "echo still $((40 + 2))"), "its folder is laid anew"
    listed = docker("exec", openclaw, "sh", "/etc/homeport/start.sh", "sandbox", "list")
    assert "agent@openclaw-sandbox:2222" in listed and "running" in listed, "an operator sees it"
    image = docker("inspect", "--format", "{{.Config.Image}}", container)
    other = {"openclaw-sandbox-host-key": KEY, "openclaw-sandbox-key": KEY}
    healthy(sandbox.replace(SANDBOX, {**VALUES, **PUBLIC, **other}, image=image))
    seen = run(openclaw, provider, "echo still $((40 + 2))")
    assert "still 42" not in seen and "verification failed" in seen, f"another key is another host: {seen}"
    healthy(sandbox.replace(SANDBOX, {**VALUES, **PUBLIC}, image=image))


@pytest.mark.req("S5-42")
def test_a_sub_agents_program_runs_in_the_sandbox_too(openclaw, provider):
    marked = "echo sub-agent $((6 * 7)) on $(hostname) as $(id -u)"
    spawn = {"id": "sessions_spawn", "args": {"task": program(marked)}}
    told(openclaw, provider, f"call tool_call {json.dumps(spawn)}")
    answer = f"sub-agent 42 on {SANDBOX.name} as {SANDBOX.uid}"
    until(lambda: any(answer in each for each in kept(provider, "told")), "the sub-agent's program", seconds=300)


@pytest.mark.req("S5-41")
def test_in_all_of_that_it_wrote_nothing_to_its_read_only_root(openclaw):
    done = subprocess.run(["docker", "logs", openclaw], capture_output=True, text=True, check=True)
    log = done.stdout + done.stderr

    assert "[gateway] ready" in log, "it tells what it does"
    refused = [line for line in log.splitlines() if re.search("EROFS|read-only file ?system", line, re.IGNORECASE)]
    assert [] == refused, "it keeps no copy of its configuration beside it"
