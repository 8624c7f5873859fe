"""The four webhooks on a real n8n.

With PostgreSQL, Redis and the executor, but without the proxy and without the engine.
"""

# ruff: noqa: S608  # statements are put together from the tests' own words

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from catalog.presets.ai_orchestrator.services import EXECUTOR, N8N, POSTGRES, REDIS
from tests.support import memory_claims as claims
from tests.support.memory import docker
from tests.support.memory_peers import rest, start_provider
from tests.support.waits import until

pytestmark = pytest.mark.docker
FIRST_START = 600.0
"""Seconds that n8n may take with an empty database, seven starts of its program included; 45 s on an idle machine."""


@pytest.fixture(scope="module")
def world(world):
    """PostgreSQL, and now the other three."""
    world.start(REDIS)
    world.start(EXECUTOR)
    world.start(N8N, seconds=FIRST_START)
    return world


@pytest.fixture
def door(world):
    return claims.Door(base_url=f"http://{world.address(N8N)}:5678", api_key=world.api_key, refusal=403)


@pytest.mark.req("S3-08", "S3-28", "S3-29", "S3-30", "S3-31", "S3-32", "S3-53", "S3-55")
@pytest.mark.parametrize("claim", claims.ALL, ids=lambda one: one.__name__)
def test_callers_may_rely_on(claim, door):
    claim(door)


@pytest.mark.req("S3-28")
def test_the_documented_call_stores_a_row_with_its_embedding(world, door):
    stored = claims.ingest_stores_a_fact(door)
    row = world.sql(
        f"SELECT tenant_id, scope, text, source, vector_dims(embedding), "
        f"embedding = embed_local('Hello', 384) FROM memories WHERE id = {stored}"
    )
    assert row == "t1|user:123|Hello|api|384|t"


@pytest.mark.req("S3-30", "S3-36")
def test_the_audit_chain_is_whole_after_runs_and_appends_at_the_same_time(world, door):
    before = int(world.sql("SELECT count(*) FROM audit_log"))
    with ThreadPoolExecutor(6) as pool:
        appends = [
            pool.submit(door.call, "audit/append", {"tenant_id": "t", "actor": "a", "action": "b"}) for _ in range(12)
        ]
        runs = [pool.submit(door.call, "executor/run", {"type": kind}) for kind in ("ping", "shell") * 3]
    assert {200} == {append.result()[0] for append in appends}
    assert [200, 403] * 3 == [run.result()[0] for run in runs]
    assert f"{before + 12 + 2 * 6}|t" == world.sql("SELECT count(*), audit_verify() IS NULL FROM audit_log")


@pytest.mark.req("S3-33")
@pytest.mark.parametrize(("verb", "back"), [("pause", "unpause"), ("stop", "start")])
def test_without_redis_requests_work_uncached_and_soon(world, door, verb, back):
    who = claims.tenant()
    docker(verb, world.name(REDIS.name))
    try:
        began = time.monotonic()
        assert (
            door.call("memory/ingest", {"tenant_id": who, "scope": "s", "text": "no cache today", "source": "t"})[0]
            == 200
        )
        for _ in range(2):
            status, answer = door.call("memory/search", {"tenant_id": who, "query": "cache"})
            assert (200, False, 1) == (status, answer["cached"], len(answer["results"]))
        assert time.monotonic() - began < 150, "three requests; n8n's own Redis node would try for 17 minutes"
    finally:
        docker(back, world.name(REDIS.name))
    world.until_healthy(REDIS)
    claims.search_is_cached_until_the_tenant_stores_more(door)


BEYOND_ITS_KEYS = (
    *(("config", "get", "*"), ("config", "set", "dir", "/tmp"), ("acl", "list"), ("debug", "object", "ai:x")),
    *(("module", "list"), ("module", "load", "/tmp/x.so"), ("script", "load", "return 1"), ("eval", "return 1", "0")),
    *(("keys", "*"), ("scan", "0"), ("flushall",), ("flushdb",), ("save",), ("shutdown", "nosave")),
    *(("replicaof", "example.com", "6379"), ("get", "other:x"), ("set", "other:x", "1"), ("del", "other:x")),
)


def test_redis_lets_n8n_keep_keys_of_its_own_prefix_and_do_nothing_else(world):
    signed_in = 'read -r REDISCLI_AUTH; export REDISCLI_AUTH; exec redis-cli --no-auth-warning --user n8n "$@"'
    password = f"{world.secrets['redis-password']}\n".encode()

    def ask(*words):
        return docker("exec", "-i", world.name(REDIS.name), "sh", "-c", signed_in, "sh", *words, stdin=password).strip()

    assert ["OK", "1", "1"] == [ask("set", "ai:x", "1"), ask("get", "ai:x"), ask("del", "ai:x")], "what it is there for"
    answers = {" ".join(words): ask(*words) for words in BEYOND_ITS_KEYS}
    # DEBUG and MODULE LOAD are off for everybody, which is said first.
    refused = re.compile(r"NOPERM|ERR (DEBUG|MODULE) command not allowed")
    assert {} == {words: answer for words, answer in answers.items() if not refused.match(answer)}


@pytest.mark.req("S3-31", "S3-36", "FP-11")
def test_a_task_that_gets_no_result_is_answered_in_time_and_recorded(world, door):
    docker("stop", world.name(EXECUTOR.name))
    try:
        began = time.monotonic()
        status, answer = door.call("executor/run", {"tenant_id": "late", "task": {"type": "ping"}})
        assert (504, "timeout") == (status, answer["error"]["code"])
        assert 34 < time.monotonic() - began, "35 s are what it is given"
    finally:
        docker("start", world.name(EXECUTOR.name))
    assert "timeout|no_answer" == world.sql("SELECT status, code FROM task_runs WHERE tenant_id = 'late'")
    assert "executor.timeout" == world.sql(
        "SELECT action FROM audit_log WHERE tenant_id = 'late' ORDER BY seq DESC LIMIT 1"
    )
    world.until_healthy(EXECUTOR)


@pytest.mark.req("S3-32", "FP-11")
def test_a_database_that_is_down_is_a_500_with_a_reason_and_no_inner_detail(world, door):
    world.sql(
        "REVOKE CONNECT ON DATABASE ai_memory FROM ai_user; "
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'ai_user'",
        database="postgres",
    )
    try:
        body = {"tenant_id": "t1", "scope": "s", "text": "t", "source": "x"}
        assert (500, {"error": "the memory was not stored"}) == door.call("memory/ingest", body)
        assert (500, {"error": "the memory could not be searched"}) == door.call(
            "memory/search", {"tenant_id": "t1", "query": "q"}
        )
        assert (500, {"error": "the event was not appended"}) == door.call(
            "audit/append", {"tenant_id": "t1", "actor": "a", "action": "b"}
        )
        assert (500, {"error": "the task was not recorded"}) == door.call("executor/run", {"type": "ping"})
    finally:
        world.sql("GRANT CONNECT ON DATABASE ai_memory TO ai_user", database="postgres")
    assert door.call("memory/ingest", body)[0] == 200


@pytest.fixture
def provider(world):
    """An embedding provider whose vector says how long the text is, and the settings that name it."""
    name = start_provider(world, EXECUTOR.image)
    world.sql(world.migrations(url="http://provider:8000/v1"))
    yield name
    world.sql(world.migrations())
    docker("rm", "-f", name)


@pytest.mark.req("S3-38")
def test_a_provider_that_is_set_makes_the_embeddings(world, door, provider):
    who = claims.tenant()
    for text in ("four", "seven77"):
        status, answer = door.call("memory/ingest", {"tenant_id": who, "scope": "s", "text": text, "source": "t"})
        assert status == 200, answer
    _, answer = door.call("memory/search", {"tenant_id": who, "query": "4444", "min_score": 0.5})
    assert [("four", 1)] == [(result["text"], result["score"]) for result in answer["results"]], (
        "near in length, as this provider sees it"
    )
    asked = [json.loads(line) for line in docker("logs", provider).splitlines() if line.startswith("{")]
    assert [("/v1/embeddings", "test-model", text) for text in ("four", "seven77", "4444")] == [
        (request["path"], request["model"], request["input"]) for request in asked
    ]
    key = world.secrets[next(file.secrets[0] for file in N8N.secret_files if file.target == "embedding_key")]
    assert {f"Bearer {key}"} == {request["authorization"] for request in asked}
    docker("stop", "-t", "1", provider)
    body = {"tenant_id": who, "scope": "s", "text": "text", "source": "t"}
    assert (500, {"error": "the memory was not stored"}) == door.call("memory/ingest", body), (
        "never a local vector among the provider's"
    )
    docker("start", provider)


@pytest.mark.req("S3-07")
def test_the_owner_is_there_and_nobody_else_can_become_it(world):
    owner = {"email": "owner@example.com", "firstName": "A", "lastName": "B", "password": "Another-Passw0rd"}
    status, answer = rest(world.address(N8N), "POST", "/rest/owner/setup", owner)
    assert status in {400, 403, 404}, f"a second setup answered {status}: {answer}"
    email = docker("exec", world.name(N8N.name), "printenv", "N8N_INSTANCE_OWNER_EMAIL").strip()
    password = world.secrets[next(file.secrets[0] for file in N8N.secret_files if file.target == "owner_hash")]
    status, answer = rest(
        world.address(N8N), "POST", "/rest/login", {"emailOrLdapLoginId": email, "password": password}
    )
    assert status == 200, f"the owner's login answered {status}: {answer}"
    assert "global:owner" in answer
    assert (
        rest(world.address(N8N), "POST", "/rest/login", {"emailOrLdapLoginId": email, "password": "wrong-Passw0rd"})[0]
        == 401
    )
    assert rest(world.address(N8N), "GET", "/rest/workflows")[0] == 401, "the API asks for a session"


@pytest.mark.req("S3-56")
def test_nodes_that_reach_the_shell_are_not_loaded(world):
    found = docker(
        "exec",
        world.name(N8N.name),
        "sh",
        "-c",
        "n8n export:nodes --output=/tmp/nodes.json >/dev/null 2>&1; cat /tmp/nodes.json; rm -f /tmp/nodes.json",
    )
    names = {row["name"] for row in json.loads(found)}
    assert "n8n-nodes-base.readWriteFile" in names, "the list is a list of nodes"
    assert set() == names & set(json.loads(N8N.env["NODES_EXCLUDE"])), "none of those that run code is loaded"


@pytest.mark.req("S3-08", "S3-27")
def test_no_secret_is_in_the_environment_the_command_line_or_the_log(world):
    for service in (POSTGRES, REDIS, N8N):
        name = world.name(service.name)
        seen = docker("inspect", name) + world.logs(service, 100000)
        seen += docker(
            "exec", name, "sh", "-c", "cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'"
        )
        assert service.image in seen, "the inspection has content"
        assert [] == [key for key, value in world.secrets.items() if value in seen], service.name


@pytest.mark.req("S3-27")
def test_n8ns_database_holds_no_key_in_the_clear_once_calls_have_ended(world, door):
    claims.ingest_stores_a_fact(door)
    kept = 'SELECT count(*) FROM execution_entity WHERE "deletedAt" IS NULL AND "finished"'
    until(lambda: world.sql(kept, database="n8n") == "0", "no execution is kept")
    tables = ("credentials_entity", "workflow_entity", "workflow_history", "settings")
    text = "".join(world.sql(f"SELECT t::text FROM {table} AS t", database="n8n") for table in tables)
    assert "hpWebhookApiKey1" in text, "the credentials are there"
    assert [] == [key for key, value in world.secrets.items() if value in text]


@pytest.mark.req("S3-26", "S3-27")
def test_a_restart_imports_nothing_and_keeps_every_id(world):
    question = (
        'SELECT id, active, "versionId" FROM workflow_entity ORDER BY id; '
        'SELECT id, "updatedAt" FROM credentials_entity ORDER BY id'
    )
    before = world.sql(question, database="n8n")
    assert 8 == len(before.split("\n")), "four workflows and four credentials"
    docker("restart", world.name(N8N.name))
    world.until_healthy(N8N, seconds=FIRST_START)
    assert before == world.sql(question, database="n8n")
    assert "homeport: 4 workflows and 4 credentials are in place" in world.logs(N8N)


@pytest.mark.req("S3-26")
def test_a_lost_workflow_comes_back_and_a_copy_never_appears(world, door):
    world.sql(
        "DELETE FROM workflow_entity WHERE id = 'hpAuditAppend003'; "
        "UPDATE workflow_entity SET active = false, \"activeVersionId\" = NULL WHERE id = 'hpMemoryIngest01'",
        database="n8n",
    )
    docker("restart", world.name(N8N.name))
    world.until_healthy(N8N, seconds=FIRST_START)
    assert "4|4" == world.sql("SELECT count(*), count(*) FILTER (WHERE active) FROM workflow_entity", database="n8n")
    claims.audit_appends_one_after_another(door)
    claims.ingest_stores_a_fact(door)
