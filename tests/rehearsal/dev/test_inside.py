"""The dev stack behind its door.

Containers are hardened, secrets stand nowhere, the executor is alone, the audit log takes no change.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from tests.support import memory_claims
from tests.support.checkout import ROOT
from tests.support.containers import readable_with
from tests.support.dev import SERVICES
from tests.support.waits import until

pytestmark = pytest.mark.world


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
        "state": subprocess.run(
            ["grep", "-rahE", ".", folder], capture_output=True, text=True, check=True, errors="replace"
        ).stdout,
        "processes": subprocess.run(["ps", "axeww"], capture_output=True, text=True, check=True).stdout,
        "logs": "".join(
            done.stdout + done.stderr for done in (world.docker("logs", world.containers[name]) for name in SERVICES)
        ),
        "files of the checkout": subprocess.run(
            ["git", "grep", "-hI", ""], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout,
    }
    occurrences = {where: sum(secret in text for secret in secrets) for where, text in places.items()}
    proof = world.docker("exec", world.containers["ai-n8n"], "cat", "/etc/homeport/encryption_key").stdout

    assert len(secrets) >= 6, "the secrets that are looked for"
    assert world.credentials["n8n-encryption-key"] in proof, "the positive control: in its file it is found"
    assert dict.fromkeys(places, 0) == occurrences, "a secret's only places are its file and the encrypted state"


@pytest.mark.req("AT-10")
def test_no_file_that_n8n_reads_holds_its_owners_password(world):
    container, secrets = world.containers["ai-n8n"], world.credentials

    assert "/etc/homeport/encryption_key" in readable_with(container, secrets["n8n-encryption-key"]), "it looks there"
    assert [] == readable_with(container, secrets["n8n-owner-password"]), "the hash is all that it gets"


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


@pytest.mark.req("S3-24", "I-02", "I-03")
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
    memory_claims.audit_appends_one_after_another(door)
    done = world.docker(
        "exec", "-i", "ai-postgres", "psql", "-U", role, "-d", "ai_memory", "-v", "ON_ERROR_STOP=1", "-c", statement
    )
    count = _sql(world, "SELECT count(*) FROM audit_log")

    assert done.returncode != 0, f"{role}: {statement}"
    assert int(count) > 0, "there was something to change"


@pytest.mark.req("S3-34", "S3-35")
def test_a_tampered_audit_row_is_found(world, door):
    memory_claims.audit_appends_one_after_another(door)
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
    memory_claims.executor_runs_a_task(door)
    memory_claims.executor_refuses_what_is_not_listed(door)

    assert int(_sql(world, "SELECT count(*) FROM audit_log")) >= before + 2, "allowed or refused, it is written down"


@pytest.mark.req("S3-50")
def test_the_documented_psql_opens_the_database(world):
    done = world.docker(
        "exec", "-i", "ai-postgres", "psql", "-U", "ai_user", "-d", "ai_memory", "-Atc", "SELECT current_user"
    )

    assert "ai_user" == done.stdout.strip(), done.stderr
    history = world.docker("exec", "ai-postgres", "sh", "-c", 'test -w "$PSQL_HISTORY"')
    assert 0 == history.returncode, "a person's session ends without a word about its history"


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
        memory_claims.ingest_stores_a_fact(door, memory_claims.tenant())
        memory_claims.search_ranks_by_likeness(door)
    finally:
        started = world.docker("start", world.containers["ai-redis"])

    assert started.returncode == 0, started.stderr
    until(lambda: world.inspect("ai-redis")["State"]["Health"]["Status"] == "healthy", "the cache is back")


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
