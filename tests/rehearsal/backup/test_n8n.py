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
REFERENCE = {"httpHeaderAuth": {"id": "credential-1", "name": "mine"}}
FLOWS = [
    {
        "id": "activeOne0000001",
        "name": "../../active\né😀",
        "nodes": [{**HOOK, "webhookId": "hook-1", "parameters": {"path": "hook-one"}, "credentials": REFERENCE}],
        "connections": {},
        "settings": {"executionOrder": "v1"},
        "staticData": {"token": SECRET},
        "pinData": {"Webhook": [{"json": {"authorization": SECRET}}]},
        "tags": [{"id": "tag-1", "name": "kept"}],
    },
    {
        "id": "edited0000000001",
        "name": "published, and edited since",
        "nodes": [{**HOOK, "webhookId": "hook-2", "parameters": {"path": "live"}}],
        "connections": {},
        "settings": {},
    },
    {"id": "idle000000000001", "name": "x" * 120, "nodes": [], "connections": {}, "settings": {}},
]


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
        until(lambda: subprocess.run(argv, capture_output=True, check=False).returncode == 0, "n8n is ready", 180)

    def n8n(self, *words):
        docker("exec", self.container, "n8n", *words)

    def load(self, flows):
        docker("exec", "-i", self.container, "sh", "-c", "cat >/tmp/flows.json", input=json.dumps(flows))
        self.n8n("import:workflow", "--input=/tmp/flows.json")

    def webhook(self, path):
        url = f"http://127.0.0.1:5678/webhook/{path}"
        argv = ["docker", "exec", self.container, "wget", "-qO-", url]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.mark.req("S1-63")
def test_workflows_of_a_lost_n8n_are_in_a_new_one_with_their_ids_and_active_as_they_were(host, server, n8n_image):
    remote = host.folder / "remote.git"
    subprocess.run(["git", "init", "--quiet", "--bare", "--initial-branch=main", str(remote)], check=True)
    n8n = N8n(host, server, n8n_image)
    host.settings |= {"N8N_CONTAINER": n8n.container, "REPOSITORY": str(remote)}
    n8n.new("before")
    line = host.run("workflows")
    assert 0 == line["workflows"], "an empty n8n is no error"
    n8n.load(FLOWS)
    for flow in FLOWS[:2]:
        n8n.n8n("publish:workflow", f"--id={flow['id']}")
    server.sql(
        """UPDATE workflow_entity SET "versionId" = 'edited-later', nodes = replace(nodes::text, 'live', 'draft')::json
           WHERE id = 'edited0000000001'""",
        "before",
    )
    line = host.run("workflows")
    assert (3, True, True) == (line["workflows"], line["changed"], line["pushed"]), "all are in the remote"
    saved = {path.name: path.read_text() for path in (host.checkout / "n8n-workflows").iterdir()}
    assert {f"{flow['id']}.json" for flow in FLOWS} == set(saved), "named by their ids"
    assert SECRET not in "".join(saved.values()), "what a run left is not in Git"
    assert (host.run("workflows")["changed"]) is False, "n8n says the same twice"

    host.new_checkout()
    shutil.rmtree(host.backups)
    n8n.new("after")
    line = host.run("restore", "workflows")
    assert (3, 3, 2) == (line["workflows"], line["imported"], line["active"]), "one command on a new host"
    n8n.ready()
    until(lambda: n8n.webhook("hook-one"), "an active workflow answers")
    until(lambda: n8n.webhook("live"), "and so does what was published of the other")
    assert not n8n.webhook("draft"), "not what somebody was editing"
    again = host.run("workflows")
    assert (3, False) == (again["workflows"], again["changed"]), "to Git the new n8n is the old one"
    assert saved == {path.name: path.read_text() for path in (host.checkout / "n8n-workflows").iterdir()}, (
        "byte for byte"
    )
