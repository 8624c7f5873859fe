"""Workflows of a real n8n in Git, and back into another n8n: ids, content, and which of them are active."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from tests.support.containers import docker
from tests.support.waits import until

pytestmark = pytest.mark.docker

HOOK = {"type": "n8n-nodes-base.webhook", "typeVersion": 2, "position": [0, 0], "id": "node-1", "name": "Webhook"}
SECRET = "c4nary-of-a-run"
CREDENTIAL = "c4nary-of-a-credential"
REFERENCE = {"httpHeaderAuth": {"id": "credential0000001", "name": "mine"}}
EDIT = {
    "type": "n8n-nodes-base.set",
    "typeVersion": 3.4,
    "position": [200, -100],
    "id": "node-2",
    "name": "né😀\u2028 'quoted' \\ \"twice\"",
    "parameters": {
        "mode": "raw",
        "jsonOutput": '={{ { "a\\u0000b": $json.body["né"] ?? "\r\n😀", "n": $json.n + 1.50 } }}',
        "options": {"ignoreConversionErrors": None, "list": [[], {}, 0, -0.5, 1e21, 12345678901234567000, "", False]},
    },
}
FLOWS = [
    {
        "id": "activeOne0000001",
        "name": "../../active\né😀",
        "nodes": [{**HOOK, "webhookId": "hook-1", "parameters": {"path": "hook-one"}, "credentials": REFERENCE}, EDIT],
        "connections": {"Webhook": {"main": [[{"node": EDIT["name"], "type": "main", "index": 0}]]}},
        "settings": {"executionOrder": "v1", "timezone": "Europe/Berlin"},
        "staticData": {"token": SECRET},
        "pinData": {"Webhook": [{"json": {"authorization": SECRET}}]},
        "tags": [{"id": "tag-1", "name": "kept, é"}],
    },
    {
        "id": "edited0000000001",
        "name": "published, and edited since",
        "nodes": [{**HOOK, "webhookId": "hook-2", "parameters": {"path": "live"}}],
        "connections": {},
        "settings": {},
        "tags": [{"id": "tag-1", "name": "kept, é"}, {"id": "tag-2", "name": "second"}],
    },
    {"id": "idle000000000001", "name": "x" * 120, "nodes": [EDIT], "connections": {}, "settings": {}},
]
# What a workflow is, as n8n itself keeps it; times and numbers of versions are each n8n's own.
HELD = """
SELECT id, name, active, nodes::jsonb, connections::jsonb, settings::jsonb, "isArchived",
  (SELECT string_agg(t.name, ',' ORDER BY t.name) FROM workflows_tags w JOIN tag_entity t ON t.id = w."tagId"
   WHERE w."workflowId" = f.id) FROM workflow_entity f ORDER BY id
"""


class N8n:
    """n8n in a container of a host, on a database of its own."""

    def __init__(self, host, server, image):
        self.host, self.server, self.image, self.container = host, server, image, f"{host.name}-n8n"

    def new(self, database):
        """An n8n in which nothing is but its owner."""
        self.server.sql(f"CREATE DATABASE {database}")
        env = {
            "DB_TYPE": "postgresdb",
            "DB_POSTGRESDB_HOST": "db",
            "DB_POSTGRESDB_USER": "postgres",
            "DB_POSTGRESDB_PASSWORD": "only-of-this-server",
            "DB_POSTGRESDB_DATABASE": database,
            "N8N_ENCRYPTION_KEY": "of the test",
            "N8N_DIAGNOSTICS_ENABLED": "false",
            "N8N_RUNNERS_MODE": "external",
            "N8N_RUNNERS_AUTH_TOKEN": "of-the-test",
            "N8N_DISABLED_MODULES": "mcp-registry,mcp,instance-ai,chat-hub,community-packages",
            "N8N_INSTANCE_OWNER_MANAGED_BY_ENV": "true",
            "N8N_INSTANCE_OWNER_EMAIL": "owner@example.com",
            "N8N_INSTANCE_OWNER_FIRST_NAME": "A",
            "N8N_INSTANCE_OWNER_LAST_NAME": "B",
            "N8N_INSTANCE_OWNER_PASSWORD_HASH": "$2a$10$abcdefghijklmnopqrstuuJ0DFnhyi3qnxr9RyTjPOnFTMiJF8R1y",
        }
        flags = [word for name, value in env.items() for word in ("-e", f"{name}={value}")]
        hardening = ("--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp", "--tmpfs", "/home/node/.cache:uid=1000")
        volume = ("--tmpfs", "/home/node/.n8n:uid=1000,mode=0700")
        self.host.start("n8n", self.image, "--user", "1000:1000", "--memory", "1g", *hardening, *volume, *flags)
        self.ready()

    def ready(self):
        argv = ["docker", "exec", self.container, "wget", "-qO-", "http://127.0.0.1:5678/healthz/readiness"]
        until(lambda: subprocess.run(argv, capture_output=True, check=False).returncode == 0, "n8n is ready", 400)

    def n8n(self, *words):
        docker("exec", self.container, "n8n", *words)

    def load(self, kind, things):
        docker("exec", "-i", self.container, "sh", "-c", "cat >/tmp/things.json", input=json.dumps(things))
        self.n8n(f"import:{kind}", "--input=/tmp/things.json")

    def webhook(self, path):
        url = f"http://127.0.0.1:5678/webhook/{path}"
        argv = ["docker", "exec", self.container, "wget", "-qO-", url]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.mark.req("S1-63", "FP-03")
def test_workflows_of_a_lost_n8n_are_in_a_new_one_with_their_ids_and_active_as_they_were(host, server, n8n_image):
    remote = host.folder / "remote.git"
    git = ["git", "-C", str(host.checkout)]
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(remote)], check=True)
    n8n = N8n(host, server, n8n_image)
    host.settings |= {"N8N_CONTAINER": n8n.container, "REPOSITORY": str(remote)}
    n8n.new("before")
    secret = [{**REFERENCE["httpHeaderAuth"], "type": "httpHeaderAuth", "data": {"name": "X-Key", "value": CREDENTIAL}}]
    n8n.load("credentials", secret)
    n8n.load("workflow", FLOWS)
    for flow in FLOWS[:2]:
        n8n.n8n("publish:workflow", f"--id={flow['id']}")
    server.sql(
        """UPDATE workflow_entity SET "versionId" = 'edited-later', nodes = replace(nodes::text, 'live', 'draft')::json
           WHERE id = 'edited0000000001'""",
        "before",
    )
    held = server.sql(HELD, "before")
    line = host.run(script="backup-n8n-workflows.sh")
    assert (3, True, True) == (line["workflows"], line["changed"], line["pushed"]), "all are in the remote"
    saved = {path.name: path.read_text() for path in (host.checkout / "n8n-workflows").iterdir()}
    assert {f"{flow['id']}.json" for flow in FLOWS} == set(saved), "named by their ids"
    everything = subprocess.run([*git, "log", "-p", "--all"], capture_output=True, text=True, check=True).stdout
    assert "credential0000001" in everything, "which credential a node uses is part of a workflow"
    assert not any(text in everything for text in (SECRET, CREDENTIAL)), "no credential, nothing of a run is in Git"

    host.new_checkout()
    shutil.rmtree(host.backups)
    n8n.new("after")
    line = host.run("restore", "workflows")
    assert (3, 3, 2) == (line["workflows"], line["imported"], line["active"]), "one command on a new host"
    n8n.ready()
    until(lambda: n8n.webhook("hook-one"), "an active workflow answers")
    until(lambda: n8n.webhook("live"), "and so does what was published of the other")
    assert not n8n.webhook("draft"), "not what somebody was editing"
    assert held == server.sql(HELD, "after"), "parameters, expressions, tags: in n8n's own tables all are equal"
    started = docker("inspect", "--format", "{{.State.StartedAt}}", n8n.container)
    again = host.run("restore", "workflows")
    assert (3, 0, 2) == (again["workflows"], again["imported"], again["active"]), "a second time there is nothing to do"
    assert started == docker("inspect", "--format", "{{.State.StartedAt}}", n8n.container), "n8n went on"
    again = host.run("workflows")
    assert (3, False) == (again["workflows"], again["changed"]), "to Git the new n8n is the old one"
    assert saved == {path.name: path.read_text() for path in (host.checkout / "n8n-workflows").iterdir()}, (
        "byte for byte"
    )

    file = host.checkout / "n8n-workflows" / "idle000000000001.json"
    file.write_text(saved[file.name][:-40])
    author = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run([*git, *author, "commit", "--quiet", "--all", "-m", "half of a file"], check=True)
    errors = host.run("restore", "workflows", "--replace", code=3)
    assert f"HEAD:n8n-workflows/{file.name}" in errors and "--revision" in errors, "the damaged file is named"
    assert held == server.sql(HELD, "after"), "and nothing was changed"
    assert 0 == host.run("restore", "workflows", "--revision", "HEAD~1")["imported"], "the one before it is whole"
