"""Backups of presets: what their own text says is copied, on stores of these kinds, and comes back on a new host."""

from __future__ import annotations

import subprocess
from types import SimpleNamespace

import pytest

from catalog.postgresql.service import DATABASES
from homeport.render import databases
from tests.support.backups import held
from tests.support.checkout import ROOT
from tests.support.containers import docker
from tests.support.offsite import declared, read, written

pytestmark = pytest.mark.docker

MIGRATION = ROOT / "catalog/presets/ai_orchestrator/postgres/migrations/0002_audit.sql"
EVENTS = "SELECT public.audit_append('tenant', 'actor', 'action ' || n) FROM generate_series(1, 50) n"
FORGED = """
ALTER TABLE public.audit_log DISABLE TRIGGER ALL;
UPDATE public.audit_log SET actor = 'somebody else' WHERE seq = 7;
ALTER TABLE public.audit_log ENABLE ALWAYS TRIGGER link, ENABLE ALWAYS TRIGGER refuse;
"""


@pytest.mark.usefixtures("bucket")
@pytest.mark.req("S3-57")
def test_memory_cache_and_audit_log_come_back_and_a_chain_that_was_broken_takes_no_place(host, server, redis, volume):
    files = volume("ai-n8n", "/home/node/.n8n")
    declared(host, "ai-orchestrator", {"ai-postgres": server.container, "ai-redis": redis.container})
    server.sql("CREATE ROLE ai_owner; CREATE ROLE ai_user LOGIN; CREATE DATABASE ai_memory OWNER ai_owner;")
    server.sql(f"SET ROLE ai_owner; {MIGRATION.read_text()}", "ai_memory")
    server.sql(EVENTS, "ai_memory")
    redis.fill()
    files.sh("echo settings > /home/node/.n8n/config")
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
    parts = {
        "portainer": volume("portainer", "/data"),
        "uptime-kuma": volume("uptime-kuma", "/app/data"),
        "n8n": volume("n8n", "/home/node/.n8n"),
    }
    declared(host, "jett", {"postgres": server.container})
    server.sql("CREATE ROLE jett_owner; CREATE DATABASE jett OWNER jett_owner;")
    server.sql("CREATE TABLE items AS SELECT n FROM generate_series(1, 40) n", "jett")
    qdrant.fill(20)
    parts["portainer"].sh("cd /data && echo users > portainer.db && mkdir certs tls && echo key > tls/key.pem")
    parts["uptime-kuma"].sh(
        "cd /app/data && echo not sqlite > kuma.db && mkdir upload && echo a logo > upload/logo1.png"
    )
    parts["n8n"].sh("echo settings > /home/node/.n8n/config")
    stores = (server, qdrant, *parts.values())
    before = [store.all() for store in stores]
    line = host.run("offsite")
    assert line["copies"] == 1, "one copy of everything"

    for store in stores:
        store.new()
    host.run("restore", "offsite", "--replace")
    assert before == [store.all() for store in stores], "everything that its volumes held"


@pytest.mark.usefixtures("bucket")
def test_what_infisical_stores_and_the_jobs_that_wait_in_shared_infrastructure_come_back(
    host, infisical_db, caches, volume
):
    backend = volume("infisical-backend", "/data")
    declared(host, "shared-infrastructure", {"infisical-db": infisical_db.container})
    infisical_db.sql("CREATE ROLE infisical LOGIN; CREATE DATABASE infisical OWNER infisical;")
    sealed = "SELECT n, sha256(n::text::bytea) AS text FROM generate_series(1, 40) n"
    infisical_db.sql(f"SET ROLE infisical; CREATE TABLE secrets AS {sealed};", "infisical")
    for cache in caches:
        cache.fill()
    caches[0].client().set("whose", "Infisical's")
    stores = (infisical_db, *caches)
    before = [store.all() for store in stores]
    host.run("offsite")
    drill = host.run("verify")
    assert 40 == drill["servers"][infisical_db.container]["contents"]["infisical"]["rows"], "the drill has all secrets"

    for store in stores:
        store.new()
    host.run("restore", "offsite", "--replace")
    assert before == [store.all() for store in stores], "database, and both caches with their own"
    running = docker("inspect", "-f", "{{.State.Running}}", backend.container)
    assert "true" == running, "Infisical stood still meanwhile, and runs again"


ROLES = tuple(role.name for database in DATABASES for role in database.roles)
NOTES = "SET ROLE {role}; CREATE TABLE notes AS SELECT n, md5(n::text) AS text FROM generate_series(1, 60) n;"


FOLDERS = {
    "grafana": "/var/lib/grafana",
    "zerobyte": "/var/lib/zerobyte",
    "n8n": "/home/node/.n8n",
    "openclaw": "/home/node/.openclaw",
    "sure": "/rails/storage",
}


class AiHost:
    """The stores of vpai's host `ai`, and LiteLLM, which uses some."""

    def __init__(self, postgresql, redis, qdrant, volume):
        self.postgresql, self.redis, self.qdrant = postgresql, redis, qdrant
        self.volumes = {name: volume(name, folder) for name, folder in FOLDERS.items()}
        self.litellm = volume("litellm", "/data")

    def start(self, folder):
        """What an update and the first start of each leave: roles, databases, a file of SQLite."""
        plan = SimpleNamespace(databases=DATABASES, texts=dict)
        password = {"postgresql-password": "c4nary-of-the-stack"}
        self.postgresql.sql(databases.script(plan, "postgresql", ROOT, password))
        self.volumes["zerobyte"].sh("mkdir /var/lib/zerobyte/data")
        written(self.volumes["grafana"].container, "/var/lib/grafana/grafana.db", folder)

    def fill(self, folder):
        for role in ROLES:
            self.postgresql.sql(NOTES.format(role=role), role)
        self.redis.fill()
        self.qdrant.fill(20)
        written(self.volumes["zerobyte"].container, "/var/lib/zerobyte/data/zerobyte.db", folder)
        for name, script in (
            ("n8n", "echo settings > config && chmod 600 config && chown 1000:1000 config"),
            ("openclaw", "mkdir -p state agents/main/agent && echo {} > agents/main/auth.json && ln -s main agents/it"),
            ("sure", "mkdir -p aa/bb && head -c 70000 /dev/urandom > aa/bb/statement"),
        ):
            self.volumes[name].sh(f"cd {FOLDERS[name]} && {script}")
        for path in ("state/openclaw.sqlite", "agents/main/agent/openclaw-agent.sqlite"):
            written(self.volumes["openclaw"].container, f"{FOLDERS['openclaw']}/{path}", folder)

    def new(self):
        for store in (self.postgresql, self.redis, self.qdrant, *self.volumes.values()):
            store.new()

    def all(self):
        """All of it; roles' passwords are the stack's, and each server keeps what it made of them."""
        stores = (self.redis, self.qdrant, *self.volumes.values())
        return held(self.postgresql.sql, own=("postgres", *ROLES)), [store.all() for store in stores]

    def running(self):
        containers = [self.litellm.container, *(volume.container for volume in self.volumes.values())]
        return {*docker("inspect", "-f", "{{.State.Running}}", *containers).split()} == {"true"}


@pytest.fixture
def ai_host(postgresql, redis, qdrant, volume):
    return AiHost(postgresql, redis, qdrant, volume)


def test_what_the_ai_host_of_vpai_keeps_is_on_a_new_one(host, bucket, told, ai_host, tmp_path):
    declared(host, "vpai", {"postgresql": ai_host.postgresql.container})
    ai_host.start(tmp_path)
    ai_host.fill(tmp_path)
    before = ai_host.all()
    line = host.run("offsite")
    assert (["backups", "shared"], 1, 1) == (line["buckets_made"], line["copies"], len(told.beats)), "the watch hears"
    assert (bucket.folder / "backups/prod-ai/config").is_file(), "in the host's own repository"
    drill = host.run("verify")
    contents = drill["servers"][ai_host.postgresql.container]["contents"]
    assert [60] * 4 == [contents[name]["rows"] for name in ROLES], "each database, in a drill"
    rows = [drill["copies"][ai_host.volumes[name].container]["sqlite"] for name in ("grafana", "zerobyte", "openclaw")]
    assert [100, 100, 200] == rows, "SQLite was asked too, for the rows of its logs"

    ai_host.new()
    subprocess.run(["rm", "-rf", str(host.backups)], check=True)
    ai_host.start(tmp_path)
    host.run("restore", "offsite", "--replace")

    assert before == ai_host.all(), "databases, keys, vectors, files"
    rows = read(ai_host.volumes["grafana"].container, "/var/lib/grafana/grafana.db", tmp_path)
    assert list(range(100)) == rows, "those of its log too"
    assert ai_host.running(), "who uses a store stood still meanwhile, and runs again"


def test_what_the_vpn_host_of_vpai_keeps_is_on_a_new_one(host, bucket, told, volume, tmp_path):
    couchdb, headscale = volume("couchdb", "/opt/couchdb/data"), volume("headscale", "/var/lib/headscale")
    kuma = volume("uptime-kuma", "/app/data")
    declared(host, "vpai")

    def first_start():
        couchdb.sh(
            "cd /opt/couchdb/data && mkdir shards && head -c 4000 /dev/urandom > _dbs.couch && chown -R 5984:5984 ."
        )
        headscale.sh(
            "cd /var/lib/headscale && head -c 70 /dev/urandom > noise_private.key && chmod 600 noise_private.key"
        )
        written(headscale.container, "/var/lib/headscale/db.sqlite", tmp_path)
        written(kuma.container, "/app/data/kuma.db", tmp_path)
        kuma.sh("mkdir /app/data/upload")

    first_start()
    couchdb.sh(
        "cd /opt/couchdb/data && head -c 90000 /dev/urandom > shards/obsidian_vault.1.couch && chown -R 5984:5984 ."
    )
    kuma.sh("echo a logo > /app/data/upload/logo1.png")
    before = [store.all() for store in (couchdb, headscale, kuma)]
    line = host.run("offsite")
    assert (1, 1) == (line["copies"], len(told.beats))
    assert (bucket.folder / "backups/prod-vpn/config").is_file(), "in a repository beside the other host's"
    copies = host.run("verify")["copies"]
    assert [100, 100] == [copies[store.container]["sqlite"] for store in (headscale, kuma)], "SQLite itself was asked"

    for store in (couchdb, headscale, kuma):
        store.new()
    subprocess.run(["rm", "-rf", str(host.backups)], check=True)
    first_start()
    couchdb.sh("echo of no copy > /opt/couchdb/data/shards/another.couch")
    host.run("restore", "offsite", "--replace")

    assert before == [store.all() for store in (couchdb, headscale, kuma)], "the vault, the mesh, the watch"
    for store, path in ((headscale, "/var/lib/headscale/db.sqlite"), (kuma, "/app/data/kuma.db")):
        assert list(range(100)) == read(store.container, path, tmp_path), "those of its log too"
