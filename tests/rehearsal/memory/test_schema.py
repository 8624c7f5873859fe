"""The memory's schema on a real PostgreSQL with pgvector, set up as the deployer sets it up."""

# ruff: noqa: S608  # statements are put together from the tests' own words

from __future__ import annotations

import hashlib
import json
import random
import string
import subprocess
import sys
import time
from pathlib import Path

import pytest

from catalog.presets.ai_orchestrator.preset import PRESET
from catalog.presets.ai_orchestrator.services import POSTGRES
from tests.support.checkout import ROOT
from tests.support.memory import migration_files

sys.path.insert(0, str(ROOT / "apps" / "executor"))
from executor_embedding import fingerprint

pytestmark = pytest.mark.docker


def quoted(text: str) -> str:
    return f"convert_from(decode('{text.encode().hex()}', 'hex'), 'UTF8')"


@pytest.mark.req("S3-34")
def test_migrations_run_again_change_nothing(world):
    before = world.sql("SELECT file, sha256, applied_at FROM schema_migrations ORDER BY file")
    world.sql(world.migrations())
    assert before == world.sql("SELECT file, sha256, applied_at FROM schema_migrations ORDER BY file")
    assert "0001_memories.sql" in before
    assert "always" not in before, "what runs every time is not recorded"


@pytest.mark.req("S3-34")
def test_a_migration_that_was_changed_after_it_was_applied_is_refused_by_name(world):
    files = migration_files()
    files["0002_audit.sql"] += "\n-- changed"
    error = world.refusal(world.migrations(files=files))
    assert "0002_audit.sql was changed" in error
    del files["0002_audit.sql"]
    assert "0002_audit.sql is gone" in world.refusal(world.migrations(files=files))


@pytest.mark.req("S3-34")
def test_a_migration_that_fails_leaves_nothing_behind(world):
    files = migration_files() | {"0099_broken.sql": "CREATE TABLE public.half (a integer); SELECT 1 / 0;"}
    world.refusal(world.migrations(files=files))
    assert (
        world.sql(
            "SELECT to_regclass('public.half') IS NULL, "
            "NOT EXISTS (SELECT FROM schema_migrations WHERE file LIKE '0099%')"
        )
        == "t|t"
    )


@pytest.mark.req("S3-12", "S3-34")
def test_the_vector_index_is_an_hnsw_index_of_the_configured_dimension(world):
    assert "hnsw (embedding vector_cosine_ops)" in world.sql(
        "SELECT indexdef FROM pg_indexes WHERE indexname = 'memories_embedding'"
    )
    assert (
        world.sql("SELECT atttypmod FROM pg_attribute WHERE attrelid = 'memories'::regclass AND attname = 'embedding'")
        == "384"
    )


@pytest.mark.req("S3-38")
def test_the_local_embedding_gives_the_digits_of_the_executors(world):
    vectors = json.loads((ROOT / "apps" / "executor" / "embedding-vectors.json").read_text())["vectors"]
    assert len(vectors) >= 3, "there are vectors to compare with"
    choice = random.Random(7)  # noqa: S311  # the same texts every time
    alphabet = string.ascii_letters + string.digits + " .,-_\t\n"
    alphabet += "äÖßÉ\u00d7÷ªºµ½Ωάшж京都\u0301\u00a0\u3000\u2028🙂"
    texts = [vector["text"] for vector in vectors] + [
        "".join(choice.choices(alphabet, k=choice.randint(1, 200))) for _ in range(200)
    ]
    expected = [vector["sha256"] for vector in vectors] + [fingerprint(text) for text in texts[len(vectors) :]]
    rows = ",".join(f"({place}, {quoted(text)})" for place, text in enumerate(texts))
    answer = world.sql(
        f"SELECT (SELECT string_agg(round(x::double precision * 1000000)::text, ',' ORDER BY n) "
        f"FROM unnest(embed_local(text, 384)::real[]) WITH ORDINALITY AS u (x, n)) "
        f"FROM (VALUES {rows}) AS t (place, text) ORDER BY place",
    )
    hashes = [hashlib.sha256(line.encode()).hexdigest() for line in answer.split("\n")]
    differing = [
        texts[place] for place, (left, right) in enumerate(zip(expected, hashes, strict=True)) if left != right
    ]
    assert [] == differing, "SQL and Python agree on every text"


@pytest.mark.req("S3-28", "S3-29", "S3-55")
def test_search_sees_only_the_tenants_own_rows(world):
    for tenant in ("schema-a", "schema-b"):
        world.sql(f"SELECT memory_ingest('{tenant}', 's', 'the same text', 'test')", user="ai_user")
    memories = json.loads(world.sql("SELECT memory_search('schema-a', 'the same text', NULL, 50)", user="ai_user"))
    assert [("the same text", 1)] == [(memory["text"], memory["score"]) for memory in memories]
    assert world.sql("SELECT memory_search('schema-c', 'the same text', NULL, 50)", user="ai_user") == "[]"
    assert world.sql("SELECT count(*) FROM memories", user="ai_user") == "0", (
        "without a tenant the table is empty, for the application"
    )
    assert world.sql("SET ROLE ai_owner; SELECT count(*) FROM memories") == "0", "and for its owner"
    assert (
        world.sql("SET homeport.tenant = 'schema-a'; SELECT count(DISTINCT tenant_id) FROM memories", user="ai_user")
        == "1"
    )


@pytest.mark.req("S3-29", "S3-55")
def test_a_small_tenant_is_found_among_many_rows_of_others(world):
    world.sql(
        "BEGIN; SET LOCAL homeport.tenant = 'schema-big'; "
        "INSERT INTO memories (tenant_id, scope, text, source, model, embedding) "
        "SELECT 'schema-big', 's', 'needle ' || n, 'test', embedding_model(), embed_local('needle ' || n, 384) "
        "FROM generate_series(1, 2000) AS n; "
        "COMMIT; ANALYZE memories"
    )
    world.sql("SELECT memory_ingest('schema-small', 's', 'needle in the haystack', 'test')", user="ai_user")
    for preference in ("", "SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off;"):
        memories = json.loads(
            world.sql(f"{preference} SELECT memory_search('schema-small', 'needle', NULL, 5)", user="ai_user")
        )
        assert ["needle in the haystack"] == [memory["text"] for memory in memories], (
            f"with the planner's settings {preference!r}"
        )


@pytest.mark.req("S3-38")
def test_vectors_of_another_model_are_never_compared(world):
    world.sql("SELECT memory_ingest('schema-model', 's', 'before the change', 'test')", user="ai_user")
    world.sql(world.migrations(url="https://embeddings.example.com/v1/embeddings"))
    try:
        assert "the provider gave no vector" in world.refusal(
            "SELECT memory_ingest('schema-model', 's', 'text', 'test')", user="ai_user"
        )
        assert "gave 3 dimensions" in world.refusal(
            "SELECT memory_ingest('schema-model', 's', 'text', 'test', '[1,2,3]')", user="ai_user"
        )
        vector = "(SELECT array_agg(1)::vector FROM generate_series(1, 384))"
        assert (
            world.sql(
                f"SELECT memory_search('schema-model', 'before the change', NULL, 5, NULL, {vector})", user="ai_user"
            )
            == "[]"
        )
    finally:
        world.sql(world.migrations())
    assert "before the change" in world.sql("SELECT memory_search('schema-model', 'before the change')", user="ai_user")


@pytest.mark.req("S3-38")
def test_another_dimension_is_refused_while_memories_are_stored(world):
    world.sql("SELECT memory_ingest('schema-dimension', 's', 'text', 'test')", user="ai_user")
    error = world.refusal(world.migrations(dimensions=1536))
    assert "stored with 384, the settings say 1536" in error


@pytest.mark.req("S3-37", "L-03")
def test_the_application_can_do_nothing_beyond_its_functions(world):
    for attempt in (
        "COPY memories TO PROGRAM 'id'",
        "COPY memories FROM '/etc/passwd'",
        "SELECT pg_read_file('/etc/homeport/superuser_password')",
        "CREATE EXTENSION pg_stat_statements",
        "CREATE TABLE mine (a integer)",
        "CREATE SCHEMA mine",
        "CREATE ROLE mine",
        "SET ROLE ai_owner",
        "SET ROLE postgres",
        "ALTER ROLE ai_user SUPERUSER",
        (
            "INSERT INTO memories (tenant_id, scope, text, source, model, embedding) "
            "VALUES ('t', 's', 't', 's', 'm', embed_local('t', 384))"
        ),
        "DELETE FROM memories",
        "UPDATE embedding_settings SET url = 'https://evil.example.com'",
        "INSERT INTO audit_log (tenant_id, actor, action) VALUES ('t', 'a', 'b')",
        "UPDATE task_runs SET status = 'ok'",
        "SELECT * FROM schema_migrations",
        "ALTER TABLE audit_log DISABLE TRIGGER USER",
        "SET session_replication_role = replica",
    ):
        error = world.refusal(attempt, user="ai_user")
        assert "denied" in error or "must be" in error or "not available" in error, f"{attempt}: {error}"


@pytest.mark.req("S3-13", "S3-50", "L-03")
def test_the_socket_is_for_the_containers_own_user_and_the_network_asks_for_a_password(world):
    assert world.sql("SELECT current_user", user="ai_user") == "ai_user", (
        "docker exec … psql -U ai_user -d ai_memory opens the database"
    )
    password = world.secrets[
        next(role.secret for one in PRESET.databases for role in one.roles if role.name == "ai_user")
    ]

    def over_network(user: str, database: str, word: str) -> str:
        connect = f"host={world.address(POSTGRES)} user={user} dbname={database} connect_timeout=60"
        done = subprocess.run(
            (
                "docker",
                "exec",
                "-i",
                "-e",
                "PGPASSFILE=/dev/null",
                world.name("ai-postgres"),
                "sh",
                "-c",
                f"read PGPASSWORD; export PGPASSWORD; exec psql -XAtqw '{connect}' -c 'SELECT 1'",
            ),
            input=f"{word}\n".encode(),
            capture_output=True,
            check=False,
        )
        return (done.stdout + done.stderr).decode().strip()

    assert over_network("ai_user", "ai_memory", password) == "1", "the positive control"
    assert "password authentication failed" in over_network("ai_user", "ai_memory", "wrong")
    assert "no pg_hba.conf entry" in over_network("ai_user", "n8n", password), "no other application's database"
    assert "no pg_hba.conf entry" in over_network("ai_user", "postgres", password)
    assert "rejects" in over_network("postgres", "postgres", "any"), "no superuser over the network"


@pytest.mark.req("S3-12")
def test_no_statement_and_no_password_is_in_the_servers_log(world):
    canary = "canary-in-a-memory"
    world.sql(f"SELECT memory_ingest('t', 's', '{canary}', 'test')", user="ai_user")
    world.psql(f"SELECT 1 / 0, '{canary}'", user="ai_user")
    world.psql(f"INSERT INTO memories (tenant_id) VALUES ('{canary}')", user="ai_user")
    world.psql(f"CREATE ROLE x PASSWORD '{canary}' NONSENSE")
    time.sleep(0.5)
    log = world.logs(POSTGRES, 100000)
    assert "connection authorized" in log, "the log is there"
    assert [] == [secret for secret in (canary, *world.secrets.values()) if secret in log]


@pytest.mark.req("S3-12")
def test_pages_carry_checksums(world):
    assert world.sql("SHOW data_checksums") == "on"
    assert world.sql("SHOW password_encryption") == "scram-sha-256"
    assert Path(world.sql("SHOW hba_file")).parent == Path("/etc/homeport")
