"""The keys of LiteLLM's clients: made in a database that has none, given the day's limit, never said."""

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.support.checkout import ROOT
from tests.support.waits import until

MASTER, KEY, OTHER = "sk-canary-master", "sk-canary-of-a-client", "sk-canary-of-the-next"
ROUTES = ["llm_api_routes", "/byteplus/api/v3/contents/generations/tasks"]


class Management(BaseHTTPRequestHandler):
    """What LiteLLM 1.108.7 answers of keys (proxy/management_endpoints/key_management_endpoints.py)."""

    def do_GET(self):
        _, _, token = self.path.partition("/key/info?key=")
        self.allowed(lambda rows: (200, {"info": rows[token]}) if token in rows else (404, {}))

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append(self.path)
        self.allowed({"generate": generate, "update": update, "delete": delete}[self.path.rpartition("/")[2]], body)

    def allowed(self, answer, *words):
        known = self.headers["Authorization"] == f"Bearer {MASTER}"
        status, body = answer(self.server.rows, *words) if known else (401, {})
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def log_message(self, *_):
        pass


def token_of(key):
    return hashlib.sha256(key.encode()).hexdigest()


def generate(rows, body):
    if any(body["key_alias"] == row["key_alias"] for row in rows.values() if row["status"] == "active"):
        return 400, {}
    # One that is there stays as it is.
    rows.setdefault(token_of(body["key"]), {"spend": 0.0}).update(body, status="active")
    return 200, {}


def update(rows, body):
    rows[body["key"]].update(body)
    return 200, {}


def delete(rows, body):
    gone = [row for row in rows.values() if row["key_alias"] in body["key_aliases"]]
    for row in gone:
        row["status"] = "deleted"
    return (200 if gone else 404), {}


@pytest.fixture
def management():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Management)
    server.rows, server.calls = {}, []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@contextlib.contextmanager
def beside(management, folder, key=KEY, master=MASTER, **variables):
    """The program beside LiteLLM, with the files that it has in the container; what it has said is in `said`."""
    for name in ("budget_ledger.py", "budget_ledger.lua", "budget.json"):
        shutil.copy(ROOT / "apps/budget_guard" / name, folder)
    shutil.copy(ROOT / "catalog/litellm/files/client_keys", folder)
    for name, text in {"env/LITELLM_MASTER_KEY": master, "clients/openclaw": key}.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    ready = folder / "ready"
    ready.unlink(missing_ok=True)
    address = f"http://127.0.0.1:{management.server_address[1]}"
    env = {**os.environ, "LITELLM_ADDRESS": address, "CLIENT_KEYS_READY": str(ready), **variables}
    with (folder / "said").open("w") as said:
        running = subprocess.Popen([sys.executable, folder / "client_keys"], env=env, stdout=said, stderr=said)
    try:
        yield ready
    finally:
        running.kill()
        running.wait()


def look(management, folder, key=KEY, **variables):
    """One whole look at the keys."""
    with beside(management, folder, key, **variables) as ready:
        until(ready.exists, (folder / "said").read_text())


def test_a_clients_key_is_made_with_the_days_limit_and_a_second_start_changes_nothing(management, tmp_path):
    look(management, tmp_path)
    row = management.rows[token_of(KEY)]
    assert ("openclaw", 5.0, "1d") == (row["key_alias"], row["max_budget"], row["budget_duration"])
    assert ROUTES == row["allowed_routes"], "it calls models, orders videos, and is no administrator's"
    look(management, tmp_path)
    assert ["/key/generate"] == management.calls


def test_a_key_of_before_may_order_videos_too(management, tmp_path):
    look(management, tmp_path)
    management.rows[token_of(KEY)]["allowed_routes"] = ["llm_api_routes"]
    look(management, tmp_path)
    assert ROUTES == management.rows[token_of(KEY)]["allowed_routes"]


def test_it_is_made_again_in_a_database_that_has_none(management, tmp_path):
    look(management, tmp_path)
    management.rows.clear()
    look(management, tmp_path)
    assert "active" == management.rows[token_of(KEY)]["status"], "a restore was to a day before it"
    management.rows[token_of(KEY)]["status"] = "deleted"
    look(management, tmp_path)
    assert "active" == management.rows[token_of(KEY)]["status"], "LiteLLM still knows of one that was taken away"


def test_another_key_of_the_same_client_takes_the_last_ones_place(management, tmp_path):
    look(management, tmp_path)
    look(management, tmp_path, OTHER)
    assert ("deleted", "active") == tuple(management.rows[token_of(key)]["status"] for key in (KEY, OTHER))


def test_another_limit_is_taken_and_what_was_spent_stays(management, tmp_path):
    look(management, tmp_path)
    management.rows[token_of(KEY)]["spend"] = 1.5
    look(management, tmp_path, BUDGET_DAY_LIMIT="2.50")
    row = management.rows[token_of(KEY)]
    assert (2.5, "1d", 1.5) == (row["max_budget"], row["budget_duration"], row["spend"])
    assert ["/key/generate", "/key/update"] == management.calls


def test_a_refusal_is_said_without_a_key_and_it_is_not_ready(management, tmp_path):
    with beside(management, tmp_path, master="sk-canary-wrong") as ready:
        until(lambda: "was answered with 401" in (tmp_path / "said").read_text(), "it says why")
        assert not ready.exists()
    assert not [key for key in ("sk-canary-wrong", KEY) if key in (tmp_path / "said").read_text()]
