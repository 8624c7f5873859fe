"""Backups of jett and ai-orchestrator: what their presets say is copied, on stores of these kinds, and comes back."""

from __future__ import annotations

import pytest

from catalog.presets.ai_orchestrator.backups import STORES as AI
from catalog.presets.jett.backups import STORES as JETT
from tests.support.checkout import ROOT
from tests.support.containers import docker

pytestmark = pytest.mark.docker

MIGRATION = ROOT / "catalog/presets/ai_orchestrator/postgres/migrations/0002_audit.sql"
EVENTS = "SELECT public.audit_append('tenant', 'actor', 'action ' || n) FROM generate_series(1, 50) n"
FORGED = """
ALTER TABLE public.audit_log DISABLE TRIGGER ALL;
UPDATE public.audit_log SET actor = 'somebody else' WHERE seq = 7;
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER link, ENABLE ALWAYS TRIGGER refuse;
"""


def chosen(host, text, names):
    """The preset's settings, with the names of the tests' containers; n8n's workflows have tests of their own."""
    for name, container in names.items():
        text = text.replace(f"?{name}=", f"?{container}=").replace(f"!{name}=", f"!{container}=")
    host.settings |= dict(line.split("=", 1) for line in text.splitlines())
    host.settings |= {"N8N_CONTAINER": "", "CLIENTS": "", "REPO_DIR": str(host.checkout)}


@pytest.mark.usefixtures("bucket")
@pytest.mark.req("S3-57")
def test_memory_cache_and_audit_log_come_back_and_a_chain_that_was_broken_takes_no_place(host, server, redis, volume):
    files = volume("files")
    names = {"ai-postgres": server.container, "ai-redis": redis.container, "ai-n8n": files.container}
    text = AI.replace("{environment}", "prod").replace("/home/node/.n8n", "/data")
    chosen(host, text, names)
    server.sql("CREATE ROLE ai_owner; CREATE ROLE ai_user LOGIN; CREATE DATABASE ai_memory OWNER ai_owner;")
    server.sql(f"SET ROLE ai_owner; {MIGRATION.read_text()}", "ai_memory")
    server.sql(EVENTS, "ai_memory")
    redis.fill()
    files.sh("echo settings > /data/config")
    before = [store.all() for store in (server, redis, files)]
    host.run("offsite")
    line = host.run("verify")
    assert 50 + 1 == line["servers"][server.container]["contents"]["ai_memory"]["rows"], "the drill has the log"

    for store in (server, redis, files):
        store.new()
    host.run("restore", "offsite", "--replace")
    after = [store.all() for store in (server, redis, files)]
    assert [] == [line for line in before[0] if line not in after[0]], "memory, audit log and roles"
    assert before[1:] == after[1:], "cache and files"
    assert "t" == server.sql("SELECT public.audit_verify() IS NULL", "ai_memory"), "and the chain is whole"

    server.sql(FORGED, "ai_memory")
    forged = server.all()
    host.run("offsite")
    assert "audit_verify found 7" in host.run("verify", code=1), "the drill tells"
    assert "audit_verify found 7" in host.run("restore", "offsite", "--replace", code=1), "and so does a restore"
    assert forged == server.all(), "which has replaced nothing"


@pytest.mark.usefixtures("bucket")
@pytest.mark.req("S2-59")
def test_databases_vectors_and_volumes_of_jett_come_back(host, server, qdrant, volume):
    parts = {name: volume(name) for name in ("portainer", "uptime-kuma", "n8n")}
    names = {"postgres": server.container, "qdrant": qdrant.container}
    names |= {name: volume.container for name, volume in parts.items()}
    text = JETT.replace("{environment}", "prod").replace("{postgres-user}", "postgres")
    text = text.replace("/home/node/.n8n", "/data").replace("/etc/homeport/api_key", "/key")
    chosen(host, text, names)
    server.sql("CREATE ROLE jett_owner; CREATE DATABASE jett OWNER jett_owner;")
    server.sql("CREATE TABLE items AS SELECT n FROM generate_series(1, 40) n", "jett")
    qdrant.fill(20)
    parts["portainer"].sh("cd /data && echo users > portainer.db && mkdir certs tls && echo key > tls/key.pem")
    parts["uptime-kuma"].sh("cd /app/data && echo not sqlite > kuma.db")
    parts["n8n"].sh("echo settings > /data/config")
    stores = (server, qdrant, *parts.values())
    before = [store.all() for store in stores]
    kuma = docker("exec", parts["uptime-kuma"].container, "cat", "/app/data/kuma.db")
    line = host.run("offsite")
    assert line["copies"] == 1, "one copy of everything"

    for store in stores:
        store.new()
    host.run("restore", "offsite", "--replace")
    assert before == [store.all() for store in stores], "everything that its volumes held"
    assert kuma == docker("exec", parts["uptime-kuma"].container, "cat", "/app/data/kuma.db")
