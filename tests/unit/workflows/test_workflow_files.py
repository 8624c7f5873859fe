"""The four workflow files as they are, without n8n: what must hold of them whatever n8n makes of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

FILES = Path(__file__).resolve().parents[3] / "catalog" / "presets" / "ai_orchestrator"
FOLDER = FILES / "n8n" / "workflows"
CONTRACT = {
    "01_memory_ingest.json": ("hpMemoryIngest01", "memory/ingest"),
    "02_vector_search.json": ("hpVectorSearch02", "memory/search"),
    "03_audit_append.json": ("hpAuditAppend003", "audit/append"),
    "04_executor_dispatch.json": ("hpExecDispatch04", "executor/run"),
}
ALLOWED = {
    "webhook",
    "set",
    "if",
    "respondToWebhook",
    "postgres",
    "redis",
    "httpRequest",
    "convertToFile",
    "extractFromFile",
    "readWriteFile",
    "wait",
}


def flows():
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def nodes(kind):
    return [
        pytest.param(flow, node, id=f"{name}:{node['name']}")
        for name, flow in flows().items()
        for node in flow["nodes"]
        if node["type"] == f"n8n-nodes-base.{kind}"
    ]


def followers(flow, name, output=None):
    outputs = flow["connections"].get(name, {"main": []})["main"]
    chosen = outputs if output is None else outputs[output : output + 1]
    return [link["node"] for links in chosen for link in links]


@pytest.mark.req("S3-25")
def test_the_four_workflows_and_their_readme_are_there_and_no_more():
    assert set(CONTRACT) | {"README.md"} == {path.name for path in FOLDER.iterdir()}


@pytest.mark.req("S3-08", "S3-25", "FP-11")
@pytest.mark.parametrize("name", CONTRACT)
def test_each_is_active_under_its_own_id_with_one_webhook_that_asks_for_the_key(name):
    flow = flows()[name]
    number, path = CONTRACT[name]
    assert (number, True) == (flow["id"], flow["active"])
    (webhook,) = [node for node in flow["nodes"] if node["type"].endswith(".webhook")]
    assert ("POST", path, "headerAuth", "responseNode") == tuple(
        webhook["parameters"][key] for key in ("httpMethod", "path", "authentication", "responseMode")
    )
    assert webhook["credentials"]["httpHeaderAuth"]["id"] == "hpWebhookApiKey1"


@pytest.mark.req("S3-56")
@pytest.mark.parametrize("name", CONTRACT)
def test_only_nodes_that_run_no_code_are_used(name):
    assert set() == {node["type"].removeprefix("n8n-nodes-base.") for node in flows()[name]["nodes"]} - ALLOWED


@pytest.mark.parametrize(("flow", "node"), nodes("postgres"))
def test_statements_are_fixed_texts_with_parameters_and_a_way_out_on_failure(flow, node):
    query = node["parameters"]["query"]
    assert not query.startswith("="), "the statement is no expression"
    assert "{{" not in query
    assert "$1" in query, "values come as parameters"
    assert node["parameters"]["options"]["queryReplacement"].startswith("={{ ["), (
        "as a list: a text would be split at its commas"
    )
    assert node["onError"] == "continueErrorOutput"
    answers = followers(flow, node["name"], 1)
    assert answers, "the error output leads somewhere"
    assert all(answer.startswith("Answer 500") for answer in answers), answers


@pytest.mark.parametrize(("flow", "node"), nodes("postgres"))
def test_every_function_that_a_statement_calls_is_in_the_migrations(flow, node):
    sql = "".join(path.read_text() for path in (FILES / "postgres" / "migrations").glob("*.sql"))
    called = re.findall(r"public\.(\w+)\(", node["parameters"]["query"])
    assert called, f"{flow['name']}: {node['name']} calls a function"
    assert [] == [function for function in called if f"CREATE FUNCTION public.{function}(" not in sql]
    granted = sql[sql.index("GRANT EXECUTE") :]
    assert [] == [function for function in called if f"public.{function}(" not in granted], (
        "the application may call it"
    )


@pytest.mark.req("S3-33")
@pytest.mark.parametrize(("flow", "node"), nodes("redis"))
def test_the_cache_may_fail_and_what_it_holds_expires(flow, node):
    assert node["onError"] == "continueRegularOutput", flow["name"]
    if node["parameters"]["operation"] == "set":
        assert (True, 60) == (node["parameters"]["expire"], node["parameters"]["ttl"])
        assert not followers(flow, node["name"]), "written after the answer: nobody waits for it"


@pytest.mark.req("S3-22", "S3-56")
@pytest.mark.parametrize(("flow", "node"), nodes("readWriteFile"))
def test_files_are_only_in_the_exchange_directory(flow, node):
    path = node["parameters"].get("fileName") or node["parameters"]["fileSelector"]
    pattern = r"=/exchange/(requests|results)/\{\{ \$\('Begin'\)\.first\(\)\.json\.id \}\}\.json"
    assert re.fullmatch(pattern, path), f"{flow['name']}: {path}: the name is an id that the database made"


@pytest.mark.parametrize("name", CONTRACT)
def test_every_way_through_ends_in_an_answer(name):
    flow = flows()[name]
    kinds = {node["name"]: node["type"] for node in flow["nodes"]}
    answers = {one for one, kind in kinds.items() if kind.endswith(".respondToWebhook")}
    for node in flow["nodes"]:
        if node["name"] not in answers and node["name"] != "Cache set":
            assert followers(flow, node["name"]), f"{node['name']} leads nowhere"
    for one in kinds:
        assert set(followers(flow, one)) <= set(kinds), f"{one} leads to a node that is not there"
    reached, waiting = set(), ["Webhook"]
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting += followers(flow, one)
    assert set(kinds) == reached, "every node can be reached"


@pytest.mark.parametrize("name", CONTRACT)
def test_no_execution_is_kept_for_its_record_would_hold_the_api_key(name):
    settings = flows()[name]["settings"]
    assert ("none", "none", False) == tuple(
        settings[key] for key in ("saveDataErrorExecution", "saveDataSuccessExecution", "saveManualExecutions")
    )


@pytest.mark.req("S3-27")
def test_every_credential_that_is_named_is_provisioned():
    provisioned = json.loads((FILES / "n8n" / "credentials.json").read_text())
    ids = {credential["id"] for credential in provisioned}
    named = {
        credential["id"]
        for flow in flows().values()
        for node in flow["nodes"]
        for credential in node.get("credentials", {}).values()
    }
    assert {"hpMemoryPostgres", "hpCacheRedis0001", "hpWebhookApiKey1", "hpEmbeddingKey01"} == ids == named


@pytest.mark.req("S3-08")
def test_the_health_check_asks_for_every_webhook():
    from catalog.presets.ai_orchestrator.services import N8N

    assert {path for _, path in CONTRACT.values()} == set(N8N.env["HOMEPORT_WEBHOOKS"].split())
