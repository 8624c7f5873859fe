"""The images' software at work under the hardening that the catalog gives its services."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.checkout import ROOT
from tests.support.containers import HARDENED, Yard, docker, until_says
from toolchain.images import daemon
from toolchain.images.recipe import find

pytestmark = pytest.mark.docker

POSTGRES, REDIS, CADDY = "pgvector/pgvector:0.8.6-pg16", "redis:7.4.11-alpine", "caddy:2.11.4-alpine"
N8N, PYTHON, STUB = "n8nio/n8n:2.38.7", "python:3.11.16-slim-bookworm", "homeport/stub:1"
SOCKET = ("--tmpfs", "/var/run/postgresql", "--tmpfs", "/tmp")
SCRIPTS = Path(__file__).parent


@pytest.fixture
def yard():
    made = Yard()
    yield made
    made.close()


@pytest.fixture(scope="module", autouse=True)
def images():
    command = [sys.executable, "-m", "toolchain.images", "ensure", POSTGRES, REDIS, PYTHON, CADDY, N8N, STUB]
    subprocess.run(command, check=True, cwd=ROOT)


def _postgres(yard, *flags, command=()):
    return yard.start(
        "db", POSTGRES, *SOCKET, "-e", "POSTGRES_USER=app", "-e", "POSTGRES_DB=app", *flags, command=command
    )


def _sql(name, statement, *, user="app"):
    return docker("exec", name, "psql", "-qtA", "-v", "ON_ERROR_STOP=1", "-U", user, "-d", "app", "-c", statement)


def _ready(name):
    # By TCP: while the first start runs its set-up, the server answers on the socket already.
    until_says("accepting", name, "pg_isready", "-h", "127.0.0.1", "-U", "app", "-d", "app")
    return name


def test_postgresql_finds_the_nearest_vector_as_a_user_without_privileges(yard):
    data = yard.volume("data")
    name = _ready(
        _postgres(
            yard,
            "--user",
            "999:999",
            "-v",
            f"{data}:/var/lib/postgresql/data",
            "-e",
            "POSTGRES_PASSWORD=pw",
            "-e",
            "POSTGRES_INITDB_ARGS=--locale=C.UTF-8 --data-checksums",
            command=("-c", "shared_buffers=48MB"),
        )
    )
    _sql(
        name,
        "CREATE EXTENSION vector; CREATE TABLE m (id int, e vector(3)); "
        "INSERT INTO m VALUES (1,'[1,0,0]'),(2,'[0,1,0]'),(3,'[0,0,1]')",
    )
    _sql(name, "CREATE INDEX ON m USING hnsw (e vector_cosine_ops)")
    assert "2" == _sql(name, "SELECT id FROM m ORDER BY e <=> '[0.1,0.9,0.2]' LIMIT 1"), (
        "vector search is what it's for"
    )
    settings = _sql(
        name,
        "SELECT current_setting('shared_buffers'), current_setting('data_checksums'), datcollate "
        "FROM pg_database WHERE datname='app'",
    )
    assert "48MB|on|C.UTF-8" == settings, "arguments go to the server, POSTGRES_INITDB_ARGS to initdb"


def test_postgresql_keeps_its_data_and_stops_cleanly(yard):
    data = yard.volume("data")
    mount = ("-v", f"{data}:/var/lib/postgresql/data", "--user", "999:999")
    first = _ready(_postgres(yard, *mount, "-e", "POSTGRES_PASSWORD=pw"))
    _sql(first, "CREATE TABLE kept AS SELECT 42 AS n")
    docker("stop", "--time", "20", first)
    assert "0" == docker("inspect", "-f", "{{.State.ExitCode}}", first), (
        "the stop signal is a fast shutdown, not a kill"
    )
    again = _ready(_postgres(yard, *mount))
    assert "42" == _sql(again, "SELECT n FROM kept"), (
        "a replaced container finds its data, and needs no password for it"
    )


def test_postgresql_started_as_root_steps_down_and_runs_its_init_files(yard, tmp_path):
    (tmp_path / "password").write_text("from-file\n")
    scripts = tmp_path / "init"
    scripts.mkdir()
    (scripts / "10.sql").write_text("CREATE TABLE steps (n int); INSERT INTO steps VALUES (1);")
    (scripts / "20.sh").write_text('psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "INSERT INTO steps VALUES (2)"\n')
    steps_down = [
        flag for cap in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID") for flag in ("--cap-add", cap)
    ]
    name = _ready(
        _postgres(
            yard,
            *steps_down,
            "-v",
            f"{tmp_path}/password:/run/secrets/password:ro",
            "-v",
            f"{scripts}:/docker-entrypoint-initdb.d:ro",
            "-e",
            "POSTGRES_PASSWORD_FILE=/run/secrets/password",
        )
    )
    assert "1,2" == _sql(name, "SELECT string_agg(n::text, ',' ORDER BY n) FROM steps"), (
        "init files run in order of name"
    )
    assert "999" == docker("exec", name, "stat", "-c", "%u", "/proc/1"), "the server must not stay root"
    host = docker("inspect", "-f", f'{{{{(index .NetworkSettings.Networks "{yard.name}").IPAddress}}}}', name)
    login = [
        "exec",
        "-e",
        "PGPASSWORD=from-file",
        name,
        "psql",
        "-qtA",
        "-h",
        host,
        "-U",
        "app",
        "-d",
        "app",
        "-c",
        "SELECT 1",
    ]
    assert "1" == docker(*login), "the password of the file is the user's"
    login[2] = "PGPASSWORD=wrong"
    assert "" == docker(*login, check=False), "over the network nobody is trusted"


def test_postgresql_without_a_password_refuses_to_start(yard):
    name = _postgres(yard, "--user", "999:999")
    assert "1" == docker("wait", name), "an open database is not a default"
    logs = subprocess.run(["docker", "logs", name], capture_output=True, text=True, check=True)
    assert "POSTGRES_PASSWORD" in logs.stderr, "what to set has to be told"


def test_redis_answers_other_containers_and_keeps_its_data(yard):
    data = yard.volume("data")
    flags = ("--user", "999:1000", "-v", f"{data}:/data")
    first = yard.start("cache", REDIS, *flags, command=("--appendonly", "yes"))
    until_says("PONG", first, "redis-cli", "ping")
    client = yard.start("client", REDIS, "--user", "999:1000", command=("sleep", "600"))
    assert "OK" == docker("exec", client, "redis-cli", "-h", "cache", "set", "key", "value"), (
        "protected mode is off, as officially"
    )
    docker("stop", first)
    again = yard.start("cache", REDIS, *flags, command=("redis-server", "--appendonly", "yes"))
    until_says("value", again, "redis-cli", "get", "key")


def test_redis_with_a_password_refuses_who_has_none(yard):
    name = yard.start("cache", REDIS, "--user", "999:1000", "--tmpfs", "/data", command=("--requirepass", "pw"))
    until_says("PONG", name, "redis-cli", "-a", "pw", "ping")
    assert "NOAUTH" in docker("exec", name, "redis-cli", "get", "key"), "the arguments reached the server"


def test_caddy_validates_and_serves_on_port_80_without_root(yard, tmp_path):
    caddyfile = tmp_path / "Caddyfile"
    caddyfile.write_text('{\n\tadmin off\n}\nhttp://:80 {\n\trespond /health "well" 200\n}\n')
    flags = (
        "--user",
        "1000:1000",
        "--cap-add",
        "NET_BIND_SERVICE",
        "-v",
        f"{caddyfile}:/etc/caddy/Caddyfile:ro",
        "--tmpfs",
        "/data:uid=1000",
        "--tmpfs",
        "/config:uid=1000",
    )
    name = yard.start("edge", CADDY, *flags)
    until_says("well", name, "wget", "-qO-", "http://127.0.0.1/health")
    valid = subprocess.run(
        ["docker", "exec", name, "caddy", "validate", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, True) == (valid.returncode, "Valid configuration" in valid.stderr + valid.stdout), (
        "`caddy validate` is a gate"
    )
    assert "v2.11.4" in docker("exec", name, "caddy", "version"), "the tag promises it"


def test_caddy_without_the_port_capability_does_not_start_just_as_the_official_image():
    command = [
        "docker",
        "run",
        "--rm",
        *HARDENED,
        "--network",
        "none",
        "--user",
        "1000:1000",
        CADDY,
        "caddy",
        "version",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert 0 != done.returncode, (
        "a preset that forgets NET_BIND_SERVICE would pass here and fail with the official image"
    )
    assert "operation not permitted" in done.stderr, "the program has the file capability"


def test_python_runs_under_both_names(yard):
    name = yard.start("py", PYTHON, "--user", "10001:10001", command=("sleep", "600"))
    for program in ("python", "python3", "/usr/local/bin/python"):
        out = docker(
            "exec", name, program, "-c", "import json, sqlite3, ssl, sys; print('%d.%d' % sys.version_info[:2])"
        )
        assert "3.11" == out, "the executor is written for 3.11"


def test_n8n_runs_a_code_node_against_postgresql(yard):
    database = _ready(
        _postgres(
            yard, "--user", "999:999", "--tmpfs", "/var/lib/postgresql/data:uid=999", "-e", "POSTGRES_PASSWORD=pw"
        )
    )
    name = yard.start(
        "n8n",
        N8N,
        "--user",
        "1000:1000",
        "--memory",
        "1g",
        "--tmpfs",
        "/tmp",
        "--tmpfs",
        "/home/node/.cache",
        "-v",
        f"{yard.volume('n8n')}:/home/node/.n8n",
        "-e",
        "DB_TYPE=postgresdb",
        "-e",
        "DB_POSTGRESDB_HOST=db",
        "-e",
        "DB_POSTGRESDB_USER=app",
        "-e",
        "DB_POSTGRESDB_DATABASE=app",
        "-e",
        "DB_POSTGRESDB_PASSWORD=pw",
        "-e",
        "N8N_ENCRYPTION_KEY=test",
        "-e",
        "N8N_SECURE_COOKIE=false",
    )
    until_says("ok", name, "wget", "-qO-", "http://127.0.0.1:5678/healthz")
    until_says("ok", name, "wget", "-qO-", "http://127.0.0.1:5678/healthz/readiness")
    until_says("<html", name, "wget", "-qO-", "http://127.0.0.1:5678/")
    script = (SCRIPTS / "code_node.mjs").read_text()
    answer = docker("exec", "-i", name, "node", "--input-type=module", "-", "40", "2", input=script)
    assert {"sum": 42} == json.loads(answer), "workflows use Code nodes, which run in n8n's own task runner"
    assert "1" == _sql(database, "SELECT count(*) FROM workflow_entity"), "the workflow is in PostgreSQL"
    assert "2.38.7" == docker("exec", name, "n8n", "--version"), "the tag promises it"


def test_a_stub_answers_its_health_check_and_is_labelled_a_stub(yard):
    name = yard.start("stub", STUB, command=("./program", "--any", "argument"))
    until_says("stub", name, "wget", "-qO-", "http://127.0.0.1:8080/deep/health")
    local = daemon.inspect(STUB)
    assert local is not None and "stub" == local.labels["kind"], "nobody may take it for the software"


@pytest.mark.parametrize("image", [POSTGRES, REDIS, CADDY, N8N, PYTHON])
def test_every_substitute_says_what_it_is(image):
    local = daemon.inspect(image)
    assert local is not None, "it was ensured"
    if not local.labels:
        pytest.skip("pulled from its registry: not a substitute")
    assert {"kind", "recipe", "source", "software", "version"} <= set(local.labels), "the report reads these"
    assert ("real", find(image).fingerprint) == (local.labels["kind"], local.labels["recipe"]), (
        "real, and of today's recipe"
    )
