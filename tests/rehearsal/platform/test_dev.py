"""vps-infrastructure in dev: what runs, who finds whom, who gets in, and that nothing is left."""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import subprocess

import pytest

from tests.support.platform import SERVICES
from tests.support.scratch import docker, inspect
from tests.support.waits import until

pytestmark = [pytest.mark.world, pytest.mark.usefixtures("platform")]


def run(*argv):
    return subprocess.run(["docker", *argv], capture_output=True, text=True, check=False, timeout=120)


def ask(port, method, path, **headers):
    """Status and body, on the loopback address."""
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        link.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        answer = link.getresponse()
        return answer.status, answer.read().decode()
    finally:
        link.close()


def visit(platform, route, path, **headers):
    """The status at a public name, through the proxy."""
    port = platform.settings["edge"]["https_port"]
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    link = http.client.HTTPSConnection("127.0.0.1", port, timeout=120, context=context)
    link.sock = context.wrap_socket(
        socket.create_connection(("127.0.0.1", port), 60), server_hostname=f"{route}.localhost"
    )
    try:
        link.request("GET", path, headers={"Host": f"{route}.localhost", **headers})
        return link.getresponse().status
    finally:
        link.close()


@pytest.mark.req("S1-15", "S1-29")
def test_its_containers_have_the_descriptions_names_and_are_healthy(platform):
    def health():
        return {name: inspect(name)["State"]["Health"]["Status"] for name in SERVICES}

    begun = {name for name in platform.objects("container") if inspect(name)["State"]["Status"] != "created"}
    assert set(SERVICES) == begun, "a template is never started"
    # Docker's own first look comes an interval after the start, and one on a busy machine may last too long.
    until(lambda: {"healthy"} == set(health().values()), "Docker does not find all of them healthy")


@pytest.mark.req("P-07")
def test_a_second_preview_changes_nothing_also_after_a_refresh(platform):
    done = platform.pulumi("preview", "--refresh", "--expect-no-changes", "--diff", timeout=600)

    assert 0 == done.returncode, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.req("S1-11", "S1-14")
def test_who_needs_supabase_or_n8n_is_on_their_network_and_nobody_else():
    def networks(name):
        return set(inspect(name)["NetworkSettings"]["Networks"])

    apart = {
        "registry": {"registry_default"},
        "dtc-frontend-app": {"dtc_default"},
        "caddy": {"host"},
        # Whose pages lead anywhere, and who calls the host: with their callers alone.
        "browserless-chromium": {"browser_default"},
        "n8n": {"browser_default", "supabase_default"},
        "ai-dev-server": {"agent_default", "supabase_default"},
    }
    assert apart == {name: networks(name) for name in apart}
    assert {"supabase_default"} == set().union(*(networks(name) for name in SERVICES if name not in apart))


@pytest.mark.req("S1-12", "S1-83")
def test_n8n_reaches_its_neighbours_by_their_containers_names(platform):
    key = platform.outputs()["credentials"]["n8n-webhook-api-key"]

    status, body = ask(platform.port("n8n"), "POST", "/webhook/platform/neighbours", X_API_Key=key)

    assert 200 == status, body
    # Without a token, or a key, the first two answer that one is wanted: they are there.
    assert {"browserless": 401, "supabase": 401, "database": 200, "ai-dev-server": 200} == json.loads(body)


@pytest.mark.req("S1-43")
def test_the_key_of_n8ns_api_is_made_inside_n8n_and_opens_work_with_workflows_alone(platform):
    port, key = platform.port("n8n"), f"n8n_api_{platform.outputs()['credentials']['n8n-api-key']}"

    assert 401 == ask(port, "GET", "/api/v1/workflows")[0]
    status, body = ask(port, "GET", "/api/v1/workflows", X_N8N_API_KEY=key)
    assert (200, ["neighbours"]) == (status, [flow["name"] for flow in json.loads(body)["data"]])
    assert 403 == ask(port, "GET", "/api/v1/users", X_N8N_API_KEY=key)[0], "a key with the scopes of its work"
    token = docker("exec", "ai-dev-server", "cat", "/etc/homeport/n8n_api_key")
    assert key == token.strip(), "the AI Dev Server has it"


@pytest.mark.req("S1-37")
@pytest.mark.parametrize("route", ["n8n", "ai-dev", "supabase", "registry", "dtc"])
def test_health_answers_by_every_public_name(platform, route):
    until(lambda: visit(platform, route, "/health") == 200, f"{route} answers through the proxy")


@pytest.mark.req("S1-38")
@pytest.mark.parametrize(
    ("route", "path", "status"),
    [
        ("n8n", "/api/v1/workflows", 401),
        ("ai-dev", "/llm/mcp/", 401),
        ("supabase", "/rest/v1/", 401),
        ("registry", "/v2/", 401),
        ("dtc", "/", 200),
    ],
)
def test_a_stranger_gets_the_public_site_and_nothing_else(platform, route, path, status):
    assert status == visit(platform, route, path)


@pytest.mark.req("S1-31")
def test_another_name_leads_nowhere(platform):
    with pytest.raises((ssl.SSLError, OSError)):
        visit(platform, "whoever", "/")


@pytest.mark.req("S1-19")
@pytest.mark.parametrize(
    ("database", "content"), [("n8n", "workflow_entity"), ("postgres", "CREATE SCHEMA auth"), ("analytics", "dump")]
)
def test_a_databases_own_dump_is_one_command(database, content):
    done = run("exec", "supabase-db", "pg_dump", "-U", "postgres", database)

    assert 0 == done.returncode, done.stderr
    assert content in done.stdout


@pytest.mark.req("S1-40", "S1-44")
def test_no_secret_stands_in_what_docker_tells(platform):
    told = json.dumps([inspect(name) for name in SERVICES])
    secrets = {name: value for name, value in platform.outputs()["credentials"].items() if value}

    assert [] == [name for name, value in secrets.items() if value in told]
    assert len(set(secrets.values())) == len(secrets), "no two have the same value"


def test_the_status_names_every_service_and_where_it_answers(platform):
    done = platform.homeport("status")

    assert 0 == done.returncode, done.stdout
    assert [] == [name for name in SERVICES if name not in done.stdout]
