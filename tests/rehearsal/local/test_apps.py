"""Services of one's own in a stack that runs: added, asked, switched off, taken out, by the operator's own command."""

from __future__ import annotations

import base64
import json
import socket
import ssl
import subprocess
from http.client import HTTPSConnection

import pytest

from tests.support.door import Door
from tests.support.scratch import Scratch, docker, free_port, inspect
from tests.support.waits import until

pytestmark = pytest.mark.world

HELLO = {
    "image": "python:3.11-slim-bookworm",
    "command": ["python", "-m", "http.server", "8000", "--directory", "/srv"],
    "port": 8000,
    "route": {"host": "hello", "access": "public"},
    "health": {"http": "/"},
    "volumes": {"files": "/srv"},
    "memory": 64,
}


def docker_said(*argv):
    """Output of the ``docker`` command, whatever it ends with."""
    return subprocess.run(["docker", *argv], capture_output=True, text=True, check=False, timeout=300).stdout


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    alone = Scratch(
        tmp_path_factory.mktemp("apps"),
        services={name: {"enabled": False} for name in ("ai-n8n", "ai-executor", "ai-redis")},
        edge={"http_port": free_port(), "https_port": free_port()},
    )
    with alone.running() as running:
        yield running


@pytest.fixture(scope="module")
def door(stack):
    """The stack's proxy, by its own authority and no other."""
    return Door.of(f"{stack.name}-ai-caddy", stack.settings["edge"]["https_port"])


def asked(door, host, path="/", **headers):
    """Status and text of an answer by the stack's proxy."""
    connection = HTTPSConnection("127.0.0.1", door.port, timeout=120)
    connection.sock = door.connect(host)
    try:
        connection.request("GET", path, headers={"Host": f"{host}:{door.port}", **headers})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


MORE = {
    "people": HELLO | {"route": {"access": "login"}, "volumes": {}},
    "programs": HELLO | {"route": {"host": "api", "access": "api-key"}, "volumes": {}},
    "members": HELLO | {"route": {"access": "vpn", "port": free_port()}, "volumes": {}, "health": {"tcp": True}},
    "ledger": {
        "image": "pgvector/pgvector:0.8.6-pg16",
        "user": "999:999",
        "entrypoint": ["sh", "-ec"],
        "command": [
            'psql "$DATABASE_URL" -c "CREATE TABLE IF NOT EXISTS entries (n int)"; touch /tmp/ready; exec sleep 1000000'
        ],
        "database": {"deliver": "environment", "password": "PGPASSWORD", "extensions": ["vector"]},
        "secrets": {"STAMP": {"kind": "hex64"}},
        "health": {"command": ["test", "-f", "/tmp/ready"]},
    },
    "nightly": {
        "image": "python:3.11-slim-bookworm",
        "command": ["sh", "-c", "id -u >/proc/1/fd/1; exit 5"],
        "schedule": "* * * * *",
        "memory": 64,
    },
}


@pytest.fixture(scope="module")
def added(stack):
    """The stack with apps in it: what ran before, what the operator was told, and the credentials."""
    before = {name: inspect(name)["Id"] for name in stack.objects("container")}
    stack.configure(apps={"hello": HELLO, **MORE})
    done = stack.homeport("up")
    assert done.returncode == 0, done.stdout
    return before, done.stdout, stack.outputs()["credentials"]


@pytest.mark.req("OS-01")
@pytest.mark.usefixtures("added")
def test_the_block_of_the_page_answers_at_its_name(door):
    status, _ = asked(door, "hello.localhost")

    assert 200 == status, "one block is enough"


@pytest.mark.req("OS-02")
def test_no_other_container_is_replaced_when_apps_come(stack, added):
    before, said, _ = added

    assert {f"{stack.name}-ai-postgres", f"{stack.name}-ai-caddy"} <= before.keys()
    assert before == {name: inspect(name)["Id"] for name in before}, "a database, and routes, of an app that comes"
    assert "started; nothing is down for it" in said


@pytest.mark.req("OS-03")
@pytest.mark.parametrize("app", ["hello", *MORE])
@pytest.mark.usefixtures("added")
def test_an_app_is_hardened_as_all_others_are(stack, app):
    there = inspect(f"{stack.name}-{app}")
    host = there["HostConfig"]
    networks = set(there["NetworkSettings"]["Networks"])

    assert "0" != there["Config"]["User"].partition(":")[0], "no root"
    assert host["ReadonlyRootfs"], "nothing to write to but what is mounted"
    assert (["ALL"], None) == (host["CapDrop"], host["CapAdd"] or None), "no rights of root"
    assert ["no-new-privileges:true"] == host["SecurityOpt"]
    assert host["Memory"] == host["MemorySwap"] > 0, "a limit, and no swap"
    assert host["PidsLimit"] > 0
    assert host["Init"]
    assert "CMD" == there["Config"]["Healthcheck"]["Test"][0], "it is asked, as the update has done before it ended"
    assert f"{stack.name}-app-{app}" in networks, "a network of its own"
    own = json.loads(docker("network", "inspect", f"{stack.name}-app-{app}"))[0]
    assert own["Internal"], "no way out"


@pytest.mark.req("OS-04")
def test_each_access_class_asks_what_it_says(added, door):
    _, _, credentials = added
    password, key = credentials["people-login-password"], credentials["programs-api-key"]
    basic = base64.b64encode(f"admin:{password}".encode()).decode()
    answers = {
        "nobody": asked(door, "people.localhost")[0],
        "a person": asked(door, "people.localhost", Authorization=f"Basic {basic}")[0],
        "no key": asked(door, "api.localhost")[0],
        "another key": asked(door, "api.localhost", **{"X-API-Key": password})[0],
        "the key": asked(door, "api.localhost", **{"X-API-Key": key})[0],
    }

    assert {"nobody": 401, "a person": 200, "no key": 401, "another key": 401, "the key": 200} == answers


@pytest.mark.req("OS-04")
@pytest.mark.usefixtures("added")
def test_an_app_for_members_alone_has_a_port_on_the_loopback_address_and_no_name(stack, door):
    port = MORE["members"]["route"]["port"]
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        first = connection.recv(64)
    published = inspect(f"{stack.name}-members")["NetworkSettings"]["Ports"]["8000/tcp"]

    outer = json.loads(docker("network", "inspect", f"{stack.name}-app-members-out"))[0]

    assert first.startswith(b"HTTP/1.0 200"), first
    assert "false" == outer["Options"]["com.docker.network.bridge.enable_ip_masquerade"], "and no way to the internet"
    assert [("127.0.0.1", str(port))] == [(row["HostIp"], row["HostPort"]) for row in published]
    with pytest.raises(ssl.SSLError):
        asked(door, "members.localhost")


@pytest.mark.req("OS-05")
@pytest.mark.usefixtures("added")
def test_an_app_has_a_database_of_its_own_and_no_other(stack):
    name = f"{stack.name}-ledger"
    inside = 'psql "$(cat /run/secrets/database_url | sed s,/app_ledger,/%s,)" -Atc "SELECT current_user" 2>&1 || true'
    own = docker("exec", name, "sh", "-c", inside % "app_ledger")
    other = docker("exec", name, "sh", "-c", inside % "ai_memory")
    made = docker("exec", f"{stack.name}-ai-postgres", "psql", "-U", "postgres", "-d", "app_ledger", "-Atc", r"\dt")

    assert "app_ledger" == own.strip()
    assert "no pg_hba.conf entry" in other, "nobody else's database"
    assert "|entries|" in made, "what the app made is in its own"


@pytest.mark.req("OS-06")
def test_secrets_reach_an_app_and_nobody_who_looks_at_its_container(stack, added):
    _, _, credentials = added
    values = [credentials["ledger-stamp"], credentials["ledger-database-password"]]
    name = f"{stack.name}-ledger"
    seen = docker("inspect", name) + docker("logs", name)
    environment = docker("exec", name, "cat", "/proc/self/environ") + docker("exec", name, "cat", "/run/secrets/stamp")
    program = docker("exec", name, "sh", "-c", "cat /proc/[0-9]*/environ 2>/dev/null | tr '\\0' '\\n'")
    modes = docker("exec", name, "stat", "-c", "%a %u %n", "/run/secrets/stamp").split()

    assert [] == [value for value in values if value in seen], "docker inspect shows none"
    assert values[0] in environment, "as a file"
    assert f"PGPASSWORD={values[1]}" in program, "in the program's own environment, where it wants that"
    assert ["400", "999"] == modes[:2], "its own user's alone"


@pytest.mark.req("OS-07")
@pytest.mark.usefixtures("added")
def test_a_second_preview_is_empty_also_after_a_refresh(stack):
    first = stack.pulumi("preview", "--expect-no-changes", "--diff")
    refreshed = stack.pulumi("refresh", "--yes", "--skip-preview")
    second = stack.pulumi("preview", "--expect-no-changes", "--diff")

    assert first.returncode == 0, first.stdout
    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert second.returncode == 0, second.stdout


@pytest.mark.req("OS-11")
@pytest.mark.usefixtures("added")
def test_a_program_runs_at_its_times_in_the_same_container_and_its_last_run_is_its_health(stack):
    name = f"{stack.name}-nightly"
    probe = inspect(name)["Config"]["Healthcheck"]["Test"][1:]
    # By our own question, not by Docker's next one.
    until(lambda: "ended with" in docker_said("exec", name, *probe), "a minute has a beginning")
    said = docker_said("exec", name, *probe)
    until(lambda: inspect(name)["State"]["Health"]["Status"] == "unhealthy", "Docker asks as well")
    shown = json.loads(stack.homeport("status", "--json").stdout)
    (job,) = [service for service in shown["services"] if service["name"] == "nightly"]

    assert "ended with 5" in said
    assert "10001" in docker("logs", name), "it runs as the container's user"
    assert ("unhealthy", "runs at * * * * * (UTC)") == (job["health"], job["access"])
    assert "ended with 5" in job["words"]
    assert not any("docker.sock" in mount["Source"] for mount in inspect(name)["Mounts"]), "and starts no other"


@pytest.mark.req("OS-08", "B-10")
def test_off_it_keeps_its_volume_and_taken_out_it_asks_for_it_by_name(stack, added):
    """The last of this module: it takes the apps out."""
    volume = f"{stack.name}-hello-files"
    docker("exec", f"{stack.name}-hello", "sh", "-c", "echo kept > /srv/kept")
    stack.configure(apps={"hello": HELLO | {"enabled": False}})
    # What is lost with the others is named, as it must be.
    lost = [f"--give-up={name}" for name in added[2] if name.startswith(("ledger-", "people-", "programs-"))]
    off = stack.homeport("up", *lost)
    idle = stack.objects("container"), stack.objects("volume")
    stack.configure(apps={"hello": HELLO})
    on = stack.homeport("up")
    kept = docker("exec", f"{stack.name}-hello", "cat", "/srv/kept")
    stack.configure(apps={})
    refused = stack.homeport("up")
    agreed = stack.homeport("up", f"--give-up={volume}")

    assert (0, 0, 0) == (off.returncode, on.returncode, agreed.returncode), off.stdout + on.stdout + agreed.stdout
    assert f"{stack.name}-hello" not in idle[0], "it is stopped"
    assert volume in idle[1], "and keeps its data"
    assert "kept" == kept.strip(), "which is there again"
    assert refused.returncode != 0, "data goes only by its name"
    assert f"--give-up {volume}" in refused.stdout
    assert volume not in stack.objects("volume")
    assert [] == [name for name in stack.objects("network") if "-app-" in name], "its networks go with it"
    assert f"{stack.name}-hello" not in stack.objects("container"), "and so does its container"
