"""The dev stack as `make up` brings it up: what answers, what is refused, and what is hardened."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
from urllib.parse import urlsplit

import pytest

from tests.rehearsal import claims_memory
from tests.rehearsal.conftest import ROOT, make

pytestmark = pytest.mark.world
SERVICES = ("ai-caddy", "ai-executor", "ai-n8n", "ai-postgres", "ai-redis")


@pytest.fixture
def door(world):
    """The proxy, trusted by the certificate of its own authority and no other."""
    root = world.docker(
        "exec", world.containers["ai-caddy"], "cat", "/data/caddy/pki/authorities/local/root.crt"
    ).stdout
    tls = ssl.create_default_context(cadata=root)
    url = world.outputs["services"]["ai-n8n"]["url"]
    connect = ("127.0.0.1", urlsplit(url).port)
    return claims_memory.Door(base_url=url, api_key=world.credentials["n8n-webhook-api-key"], tls=tls, connect=connect)


def _get(door, path: str, headers: dict[str, str] | None = None, *, host: str = "") -> http.client.HTTPResponse:
    """A GET as a browser would send it, to the loopback whatever the name resolves to."""
    url = urlsplit(door.base_url)
    raw = socket.create_connection(door.connect, 20)
    wrapped = door.tls.wrap_socket(raw, server_hostname=url.hostname)
    connection = http.client.HTTPSConnection(url.hostname, url.port)
    connection.sock = wrapped
    connection.request("GET", path, headers={"Host": host or url.netloc, **(headers or {})})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer


@pytest.mark.req("S3-01", "S3-45")
def test_the_five_containers_run_and_are_healthy(world):
    states = {name: world.inspect(name)["State"] for name in SERVICES}

    assert set(SERVICES) == set(world.containers), "five, and no others"
    assert {"healthy"} == {state["Health"]["Status"] for state in states.values()}, states


@pytest.mark.req("P-07")
def test_a_second_preview_is_empty(world):
    done = world.pulumi("preview", "--expect-no-changes", "--diff")

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("P-07")
def test_a_preview_after_refresh_is_empty(world):
    refreshed = world.pulumi("refresh", "--yes", "--skip-preview")
    done = world.pulumi("preview", "--expect-no-changes", "--diff")

    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.req("S3-08", "S3-28", "S3-29", "S3-30", "S3-31", "S3-32", "S3-53", "S3-55")
@pytest.mark.parametrize("claim", claims_memory.ALL, ids=lambda claim: claim.__name__)
def test_a_caller_of_the_webhooks_finds(door, claim):
    claim(door)


@pytest.mark.req("S3-05", "S3-06", "S3-07")
@pytest.mark.parametrize(
    ("path", "status"),
    [("/", 401), ("/rest/login", 401), ("/rest/settings", 401), ("/webhook-test/memory/ingest", 404), ("/form/x", 404),
     ("/mcp/x", 404), ("/webhook/memory/ingest", 401), ("/WEBHOOK-TEST/x", 404), ("/%77ebhook-test/x", 404), ("//webhook-test/x", 404)],
)  # fmt: skip
def test_no_other_path_goes_round_the_key_or_the_password(door, path, status):
    assert status == _get(door, path).status, f"{path} must not reach n8n unasked"


@pytest.mark.req("S3-07")
def test_the_owner_signs_in_and_nobody_can_claim_the_instance(world, door):
    import base64

    password = world.credentials["n8n-owner-password"]
    allowed = {"Authorization": "Basic " + base64.b64encode(f"admin:{password}".encode()).decode()}

    assert 200 == _get(door, "/", allowed).status, "the right password opens the editor"
    assert 401 == _get(door, "/", {"Authorization": "Basic YWRtaW46d3Jvbmc="}).status, "a wrong one does not"


@pytest.mark.req("S3-09")
def test_plain_http_only_redirects(door, world):
    port = int(
        re.search(
            r'"80/tcp":\s*\[\{[^}]*"HostPort":\s*"(\d+)"',
            json.dumps(world.inspect("ai-caddy")["NetworkSettings"]["Ports"]),
        ).group(1)
    )
    host = urlsplit(door.base_url).hostname
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/webhook/x", headers={"Host": host})
    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert 301 == answer.status, "nothing is served in plain"
    assert f"{door.base_url}/webhook/x" == answer.getheader("Location"), "the port outside, not the one inside"


def test_an_unknown_host_name_has_no_upstream(door):
    assert _get(door, "/", host="other.example.com").status in {404, 421}, "a stranger's name leads nowhere"


def test_the_security_headers_are_there(door):
    headers = dict(_get(door, "/").getheaders())

    assert "max-age=63072000; includeSubDomains" == headers.get("Strict-Transport-Security"), headers
    assert "nosniff" == headers.get("X-Content-Type-Options"), headers
    assert "Server" not in headers, "no version for scanners"


@pytest.mark.req("S3-02", "S3-13", "S3-14")
def test_only_the_proxy_is_published_and_only_on_loopback(world):
    published = {
        name: {binding["HostIp"] for bindings in (world.inspect(name)["NetworkSettings"]["Ports"] or {}).values() for binding in bindings or []}
        for name in SERVICES
    }  # fmt: skip

    assert {"ai-caddy": {"127.0.0.1"}} == {name: found for name, found in published.items() if found}, published


@pytest.mark.req("S3-15", "S3-16", "S3-52")
@pytest.mark.parametrize("name", SERVICES)
def test_docker_inspect_shows_the_hardening(world, name):
    told = world.inspect(name)
    host = told["HostConfig"]

    assert host["ReadonlyRootfs"] is True, "read-only root"
    assert host["CapDrop"] == ["ALL"], "no capabilities"
    assert "no-new-privileges:true" in host["SecurityOpt"], "no new privileges"
    assert told["Config"]["User"].split(":")[0] not in {"", "0", "root"}, "not root"
    assert host["Memory"] == host["MemorySwap"] > 0, "memory limited, no swap"
    assert 0 < host["PidsLimit"] <= 256, "processes limited"
    assert host["NanoCpus"] > 0, "processors limited"
    assert host["Privileged"] is False, "not privileged"
    assert host["IpcMode"] == "private", "its own IPC"
    assert host["PidMode"] == "", "its own processes"
    assert host["RestartPolicy"]["Name"] == "unless-stopped", "back after a reboot"
    assert host["LogConfig"] == {"Type": "json-file", "Config": {"max-file": "3", "max-size": "10m"}}, "logs rotate"
    assert not [mount for mount in told["Mounts"] if "docker.sock" in mount["Source"]], "nobody holds Docker"
    assert "homeport.stack" in told["Config"]["Labels"], "what is ours can be told"


@pytest.mark.req("P-08", "S3-17", "S3-49")
def test_no_secret_value_stands_in_inspect_preview_state_process_list_or_logs(world):
    secrets = [value for value in world.credentials.values() if value]
    folder = world.environ["PULUMI_BACKEND_URL"].removeprefix("file://")
    places = {
        "inspect": "".join(json.dumps(world.inspect(name)) for name in SERVICES),
        "preview": world.pulumi("preview", "--diff", "--show-config").stdout,
        "state": subprocess.run(["grep", "-rahE", ".", folder], capture_output=True, text=True, check=True, errors="replace").stdout,
        "processes": subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout,
        "logs": "".join(done.stdout + done.stderr for done in (world.docker("logs", world.containers[name]) for name in SERVICES)),
        "files of the checkout": subprocess.run(["git", "grep", "-hI", ""], cwd=ROOT, capture_output=True, text=True, check=True).stdout,
    }  # fmt: skip
    found = {where: sum(secret in text for secret in secrets) for where, text in places.items()}
    proof = world.docker("exec", world.containers["ai-n8n"], "cat", "/etc/homeport/encryption_key").stdout

    assert len(secrets) >= 6, "the secrets that are looked for"
    assert world.credentials["n8n-encryption-key"] in proof, "the positive control: in its file it is found"
    assert dict.fromkeys(places, 0) == found, "a secret's only places are its file and the encrypted state"


@pytest.mark.req("S3-18")
def test_the_documented_ping_answers(world):
    done = world.docker(
        "exec", "-i", "ai-executor", "python", "/workspace/executor_api.py", stdin='{"type":"ping","message":"test"}\n'
    )
    answer = json.loads(done.stdout)

    assert (0, True, "ping", {"message": "test"}) == (done.returncode, answer["ok"], answer["type"], answer["result"])


@pytest.mark.req("S3-20")
def test_a_task_that_is_not_allowed_is_refused_with_the_reason(world):
    done = world.docker("exec", "-i", "ai-executor", "python", "/workspace/executor_api.py", stdin='{"type":"shell"}\n')
    answer = json.loads(done.stdout)

    assert 2 == done.returncode, "a refusal is no success"
    assert "not_allowed" == answer["error"]["code"], answer
    assert "shell" in answer["error"]["message"], "it names what was refused"
    assert "ping" in answer["allowed"], "and what is allowed"


@pytest.mark.req("S3-24")
def test_the_executor_is_alone(world):
    script = (
        "import os, socket\n"
        "print(sorted(os.listdir('/sys/class/net')))\n"
        "for where in (('192.0.2.1', 80), ('ai-postgres', 5432)):\n"
        "    try: socket.create_connection(where, 2); print('reached', where)\n"
        "    except OSError: print('refused')\n"
        "for path in ('/x', '/workspace/x', '/etc/x', '/usr/x'):\n"
        "    try: open(path, 'w'); print('wrote', path)\n"
        "    except OSError: print('refused')\n"
    )
    done = world.docker("exec", "-i", "ai-executor", "python", "-", stdin=script)

    assert ["['lo']", *["refused"] * 6] == done.stdout.splitlines(), done.stdout + done.stderr


@pytest.mark.req("S3-35", "S3-37")
@pytest.mark.parametrize("role", ["ai_user", "ai_owner", "postgres"])
@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"]
)
def test_the_audit_log_takes_no_change(world, door, role, statement):
    claims_memory.audit_appends_one_after_another(door)
    done = world.docker(
        "exec", "-i", "ai-postgres", "psql", "-U", role, "-d", "ai_memory", "-v", "ON_ERROR_STOP=1", "-c", statement
    )
    count = _sql(world, "SELECT count(*) FROM audit_log")

    assert done.returncode != 0, f"{role}: {statement}"
    assert int(count) > 0, "there was something to change"


@pytest.mark.req("S3-34", "S3-35")
def test_a_tampered_audit_row_is_found(world, door):
    claims_memory.audit_appends_one_after_another(door)
    before = _sql(world, "SELECT audit_verify() IS NULL")
    # Only with the triggers off, as a superuser with bad intent would; the transaction is rolled back.
    tampered = _sql(
        world,
        "BEGIN; ALTER TABLE audit_log DISABLE TRIGGER ALL;"
        " UPDATE audit_log SET action = 'forged' WHERE seq = (SELECT min(seq) FROM audit_log);"
        " SELECT audit_verify() = (SELECT min(seq) FROM audit_log); ROLLBACK;",
    )

    assert "t" == before, "the chain is whole"
    assert "t" == tampered, "the first forged row is named"


@pytest.mark.req("S3-36")
def test_every_executor_run_is_in_the_audit_log(world, door):
    before = int(_sql(world, "SELECT count(*) FROM audit_log"))
    claims_memory.executor_runs_a_task(door)
    claims_memory.executor_refuses_what_is_not_listed(door)

    assert int(_sql(world, "SELECT count(*) FROM audit_log")) >= before + 2, "allowed or refused, it is written down"


@pytest.mark.req("S3-50")
def test_the_documented_psql_opens_the_database(world):
    done = world.docker(
        "exec", "-i", "ai-postgres", "psql", "-U", "ai_user", "-d", "ai_memory", "-Atc", "SELECT current_user"
    )

    assert "ai_user" == done.stdout.strip(), done.stderr


@pytest.mark.req("S3-10", "S3-47")
def test_the_caddyfile_passes_validation_and_names_no_secret(world):
    done = world.docker(
        "exec", "ai-caddy", "caddy", "validate", "--config", "/etc/homeport/Caddyfile", "--adapter", "caddyfile"
    )
    text = world.docker("exec", "ai-caddy", "cat", "/etc/homeport/Caddyfile").stdout

    assert done.returncode == 0, done.stdout + done.stderr
    assert world.credentials["n8n-webhook-api-key"] not in text, "the key is in a file of its own"


@pytest.mark.req("S3-33")
def test_with_the_cache_down_requests_still_work(world, door):
    assert world.docker("stop", world.containers["ai-redis"]).returncode == 0
    try:
        claims_memory.ingest_stores_a_fact(door, claims_memory.tenant())
        claims_memory.search_ranks_by_likeness(door)
    finally:
        started = world.docker("start", world.containers["ai-redis"])

    assert started.returncode == 0, started.stderr


@pytest.mark.usefixtures("world")
def test_both_commands_leave_the_checkout_clean():
    done = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = [line for line in done.stdout.splitlines() if "Pulumi" in line]

    assert [] == ours, "no salt, no state, nothing generated in the user's files"


@pytest.mark.req("P-25", "P-21")
def test_up_says_what_runs_where_what_is_skipped_and_what_comes_next(world):
    told = make("status", "STACK=dev").stdout

    assert [] == [name for name in SERVICES if name not in told], told
    assert world.outputs["services"]["ai-n8n"]["url"] in told, "where to call"
    assert "Skipped" in told, "nothing is left out silently"
    assert "Next steps" in told, "what is left for a person"


@pytest.mark.parametrize("stack", ["preprod", "prod"])
@pytest.mark.req("P-06")
def test_a_preview_of_the_shipped_stacks_works_without_their_hosts(stack):
    done = make("preview", f"STACK={stack}")

    assert done.returncode == 0, done.stdout
    assert "to create" in done.stdout, done.stdout


def test_without_docker_there_is_one_clear_sentence_and_exit_code_1(tmp_path):
    found = shutil.which("git")
    assert found, "git is there, or this test proves nothing"
    done = subprocess.run(
        [sys.executable, "-m", "ctl", "up", "--stack", "dev"], cwd=ROOT, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL, timeout=120,
        env={"HOME": str(tmp_path), "HOMEPORT_CACHE": str(tmp_path / "cache"), "HOMEPORT_NO_INSTALL": "1", "PATH": "/usr/bin:/bin",
             "DOCKER_HOST": f"unix://{tmp_path}/none.sock"},
    )  # fmt: skip
    told = done.stdout + done.stderr

    assert done.returncode == 1, told
    assert "Docker" in told, told
    assert "Traceback" not in told, "a missing tool is a sentence"


def _sql(world, statement: str) -> str:
    done = world.docker(
        "exec",
        "-i",
        "ai-postgres",
        "psql",
        "-X",
        "-q",
        "-U",
        "postgres",
        "-d",
        "ai_memory",
        "-v",
        "ON_ERROR_STOP=1",
        "-Atc",
        statement,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1]
