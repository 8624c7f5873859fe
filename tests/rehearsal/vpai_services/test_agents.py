"""vpai's n8n with the emulated Telegram: what an agent reports is told to its chat, and nobody waits for that."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from catalog.presets.vpai.services import N8N
from tests.rehearsal.vpai_services.conftest import PASSWORDS, PYTHON
from tests.support.catalog_containers import LABEL, ensure, healthy, logs, shown
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.waits import until

pytestmark = pytest.mark.docker
BOT, CHAT, PORT = "agents_bot", "-1001000000056", 8056
DATABASE = "n8n"
VALUES = {
    **PASSWORDS,
    "n8n-short-encryption-key": "1a" * 16,
    "n8n-owner-password": "Canary1-of-the-agents",
    "n8n-webhook-api-key": "2b" * 32,
    "openclaw-gateway-token": "3c" * 32,
    "telegram-openclaw-token": "7000000056:AAc4nary-of-the-agents-bot",
    "telegram-openclaw-chat": CHAT,
}
TEXTS = {
    "origin:n8n": "https://n8n.example.com",
    "host:n8n": "n8n.example.com",
    "owner-email": "owner@example.com",
    "owner-first-name": "Platform",
    "owner-last-name": "Owner",
    # The emulated one is in the network namespace of n8n's own container: it serves loopback addresses alone.
    "agents-telegram": f"http://127.0.0.1:{PORT}",
}
SEED = {
    "bots": {VALUES["telegram-openclaw-token"]: {"username": BOT}},
    "chats": {CHAT: {"type": "supergroup", "title": "Agents", "bots": {BOT: "member"}}},
}
ASK = """import sys, urllib.request
request = urllib.request.Request(sys.argv[2], sys.argv[3].encode() or None, method=sys.argv[1])
print(urllib.request.urlopen(request, timeout=60).read().decode())"""


class Agents:
    """n8n, and the Telegram that it tells."""

    def __init__(self, place, folder):
        ensure(N8N.image, PYTHON)
        own = {"N8N_CACHE_BACKEND": "memory"}
        service, publish = replace(N8N, name="n8n-agents"), ("--publish", "127.0.0.1::5678")
        self.n8n = place.start(service, VALUES, texts=TEXTS, env=own, publish=publish)
        self.telegram = f"{place.name}-telegram"
        beside = (
            f"--name={self.telegram}",
            f"--network=container:{self.n8n}",
            f"--label={LABEL}",
            "--workdir=/emulated",
        )
        words = ("python", "-m", "rehearsal.clouds.telegram", "--seed", "seed.json", "--address", f"127.0.0.1:{PORT}")
        docker("create", *beside, PYTHON, *words)
        try:
            (folder / "emulated").mkdir()
            (folder / "emulated/seed.json").write_text(json.dumps(SEED))
            docker("cp", str(folder / "emulated"), f"{self.telegram}:/")
            docker("cp", str(ROOT / "rehearsal"), f"{self.telegram}:/emulated/rehearsal")
            docker("start", self.telegram)
            until(lambda: self._control("GET", "/faults")[0] == 0, "the emulated Telegram does not come up")
            healthy(self.n8n, N8N.health.gate)
        except BaseException:
            self.close()
            raise

    def _control(self, method, path, body=None):
        url, words = f"http://127.0.0.1:{PORT}/_control{path}", json.dumps(body) if body is not None else ""
        argv = ["docker", "exec", self.telegram, "python", "-c", ASK, method, url, words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=90)
        return done.returncode, done.stdout

    def control(self, method, path, body=None):
        """What a control call of the emulated Telegram answers."""
        code, answer = self._control(method, path, body)
        assert code == 0, logs(self.telegram)
        return json.loads(answer or "null")

    def told(self):
        """The texts in the chat."""
        return [row["text"] for row in self.control("GET", "/messages")["messages"]]

    def calls(self):
        """How often Telegram was asked to send."""
        return len([row for row in self.control("GET", "/journal") if "sendMessage" in row["path"]])

    def report(self, body, key=VALUES["n8n-webhook-api-key"]):
        """What an agent's report is answered, and after how many seconds."""
        host = docker("port", self.n8n, "5678/tcp").splitlines()[0]
        headers = {"Content-Type": "application/json", "X-API-Key": key}
        request = urllib.request.Request(f"http://{host}/webhook/agent/callback", json.dumps(body).encode(), headers)
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310  # the test's own container
                said = answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            said = refused.code, None
        return said, time.monotonic() - began

    def close(self):
        docker("rm", "--force", "--volumes", self.telegram, self.n8n, check=False)


@pytest.fixture(scope="module")
def agents(place, postgresql, tmp_path_factory):
    own = Agents(place, tmp_path_factory.mktemp("agents"))
    yield own
    own.close()
    # Whoever comes after it finds the database as it was: its user comes to no other one.
    postgresql.query(f"DROP DATABASE {DATABASE} WITH (FORCE)")
    postgresql.query(f"CREATE DATABASE {DATABASE} OWNER n8n")


TAKEN = (200, {"taken": True})


@pytest.mark.req("S5-56")
def test_what_an_agent_reports_is_in_the_agents_chat_once_and_as_it_was_written(agents):
    before = agents.calls()
    for body in ({"text": "*done*: 3_of_3 [steps]"}, {"status": "ready", "of": 3}):
        assert TAKEN == agents.report(body)[0]
    until(lambda: len(agents.told()) == 2, f"both are told: {logs(agents.n8n)}")

    assert {"*done*: 3_of_3 [steps]", '{"status":"ready","of":3}'} == set(agents.told()), "no mark is read as one"
    assert before + 2 == agents.calls(), "one message for each"
    assert 403 == agents.report({"text": "a stranger's"}, key="4d" * 32)[0][0] and before + 2 == agents.calls()


@pytest.mark.req("S5-56")
def test_a_long_report_is_cut_off_where_telegram_ends(agents):
    before = len(agents.told())
    assert TAKEN == agents.report({"text": "é" * 4095 + "\N{GRINNING FACE} and more" * 100})[0]
    until(lambda: len(agents.told()) == before + 1, f"it is told: {logs(agents.n8n)}")

    assert 4096 == len(agents.told()[-1]) and agents.told()[-1].startswith("é" * 4095), "no half of a character"


@pytest.mark.req("S5-56")
def test_where_telegram_refuses_or_does_not_answer_the_report_is_taken_all_the_same_and_not_told_twice(agents):
    before, calls = agents.told(), agents.calls()
    agents.control("POST", "/faults", {"kind": "status", "status": 500})
    assert TAKEN == agents.report({"text": "refused"})[0]
    until(lambda: agents.calls() == calls + 1, "Telegram was asked")

    # An unanswered call is in the journal only when its time is over.
    agents.control("POST", "/faults", {"kind": "timeout", "seconds": 15})
    answer, seconds = agents.report({"text": "unanswered"})
    assert TAKEN == answer and seconds < 10, "nobody waits for Telegram"
    until(lambda: agents.calls() == calls + 2, "Telegram was asked")
    assert TAKEN == agents.report({"text": "after that"})[0]
    until(lambda: len(agents.told()) > len(before), "the next one is told")
    assert [*before, "after that"] == agents.told() and calls + 3 == agents.calls(), "neither was sent again"


@pytest.mark.req("P-08")
def test_the_bots_token_is_in_no_log_and_no_workflow(agents, postgresql):
    token = VALUES["telegram-openclaw-token"]
    kept = postgresql.query("SELECT string_agg(nodes::text, ' ') FROM workflow_entity", database=DATABASE)

    assert "homeportTelegram" in kept and token not in kept and CHAT not in kept
    assert token not in logs(agents.n8n) and token not in shown(agents.n8n)
