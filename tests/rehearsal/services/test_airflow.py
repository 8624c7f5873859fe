"""Airflow from PyPI with a real PostgreSQL of its own: one node whose DAG runs, and whose administrator can sign in."""

import base64
import json
import subprocess
import urllib.error
import urllib.request
from dataclasses import replace

import pytest

from catalog.airflow.service import DATABASE, SERVICE
from tests.support.catalog_containers import ensure, healthy, logs, shown
from tests.support.containers import docker, until_says
from tests.support.waits import until

pytestmark = pytest.mark.docker
VALUES = {
    "airflow-password": "Canary1-of-airflows-administrator",
    # With the two characters that the alphabet of URLs does not have.
    "airflow-fernet-key": base64.b64encode(b"\xfb\xff" * 16).decode(),
    "airflow-api-secret": "a1" * 32,
    "airflow-jwt-secret": "b2" * 32,
    "airflow-database-password": "canary/of+the=database@1",
}
CLUSTER = """
CREATE ROLE airflow LOGIN PASSWORD $$%s$$;
CREATE DATABASE airflow OWNER airflow;
"""


class Airflow:
    def __init__(self, container):
        self.name = container
        self.host = docker("port", container, "8080/tcp").splitlines()[0]
        self._token = ""

    def ask(self, path, body=None, *, method=None, token=None, **headers):
        """Status and answer, read as JSON where it is."""
        named = {"Content-Type": "application/json", **headers}
        if token or (token is None and self._token):
            named["Authorization"] = f"Bearer {token or self._token}"
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://{self.host}{path}", data=data, method=method, headers=named)
        try:
            with urllib.request.urlopen(request, timeout=180) as answer:  # noqa: S310  # the test's own container
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def sign_in(self, password):
        status, answer = self.ask("/auth/token", {"username": "admin", "password": password}, token="")
        if status == 201:
            self._token = answer["access_token"]
        return status


@pytest.fixture(scope="module")
def airflow(place):
    ensure(DATABASE.image, SERVICE.image)
    # What is tried here survives no loss of power, and need not.
    quick = replace(DATABASE, command=(*DATABASE.command, "-c", "fsync=off", "-c", "full_page_writes=off"))
    arguments = f"{DATABASE.env['POSTGRES_INITDB_ARGS']} --no-sync"
    database = place.start(quick, env={"POSTGRES_INITDB_ARGS": arguments})
    until_says("accepting", database, "pg_isready", "-h", "127.0.0.1", "-U", "postgres")
    cluster = CLUSTER % VALUES["airflow-database-password"]
    docker("exec", "-i", database, "psql", "-qU", "postgres", "-v", "ON_ERROR_STOP=1", input=cluster)
    texts = {"origin:airflow": "https://airflow.example.com"}
    container = place.start(SERVICE, VALUES, texts=texts, publish=("--publish", "127.0.0.1::8080"))
    return Airflow(healthy(container, 900))


@pytest.mark.req("S1-27")
def test_its_administrator_signs_in_and_nobody_else(airflow):
    assert 401 == airflow.ask("/api/v2/dags")[0], "what it has is shown to nobody"
    assert [401, 201] == [airflow.sign_in(word) for word in ("wrong", VALUES["airflow-password"])], (
        "the password of the stack, not one that Airflow made up and wrote into its log"
    )
    assert 404 == airflow.ask("/health")[0] and 200 == airflow.ask("/api/v2/monitor/health")[0], (
        "the proxy maps /health to where Airflow 3 has it"
    )


@pytest.mark.req("S1-27", "FP-05")
def test_the_placeholder_is_listed_and_a_run_of_it_succeeds(airflow):
    airflow.sign_in(VALUES["airflow-password"])
    # Its files are read by a process of its own, which may be later than its pages.
    listed = until(lambda: airflow.ask("/api/v2/dags")[1]["dags"], "none is listed")
    assert ["platform_check"] == [dag["dag_id"] for dag in listed], "and none of Airflow's examples"
    assert {"import_errors": [], "total_entries": 0} == airflow.ask("/api/v2/importErrors")[1], "its file was read"
    assert 200 == airflow.ask("/api/v2/dags/platform_check", {"is_paused": False}, method="PATCH")[0], "it may run"
    status, run = airflow.ask("/api/v2/dags/platform_check/dagRuns", {"logical_date": None})
    assert status == 200, run
    path = f"/api/v2/dags/platform_check/dagRuns/{run['dag_run_id']}"

    def ended():
        return (state := airflow.ask(path)[1]["state"]) in {"success", "failed"} and state

    assert "success" == until(ended, "the run ends", seconds=900), logs(airflow.name)
    _, answer = airflow.ask(f"{path}/taskInstances/tell/xcomEntries/return_value")
    assert "the platform is ready" in answer["value"], "the second task was handed what the first answered"
    _, written = airflow.ask(f"{path}/taskInstances/tell/logs/1", Accept="application/json")
    assert "Returned value was: the platform is ready" in json.dumps(written), "a task's log can be read afterwards"


@pytest.mark.req("S1-27")
def test_what_it_encrypts_is_unreadable_in_its_database(airflow, place):
    airflow.sign_in(VALUES["airflow-password"])
    secret = {"key": "provider", "value": "canary-of-a-variable"}
    assert 201 == airflow.ask("/api/v2/variables", secret)[0], "it is stored"
    psql = ("psql", "-qtAU", "postgres", "-d", "airflow", "-c", "SELECT val, is_encrypted FROM variable")
    stored = docker("exec", f"{place.name}-airflow-db", *psql)

    assert stored.startswith("gAAAA") and stored.endswith("|t"), "by the key of the stack"
    assert secret["value"] == airflow.ask("/api/v2/variables/provider")[1]["value"], "which reads it again"


@pytest.mark.req("S1-27", "S1-28", "S1-29")
def test_its_containers_have_no_rights_and_show_no_secret(airflow, place):
    for container, user in ((airflow.name, "50000:50000"), (f"{place.name}-airflow-db", "999:999")):
        facts = json.loads(shown(container))[0]
        host = facts["HostConfig"]
        assert (True, ["ALL"]) == (host["ReadonlyRootfs"], host["CapDrop"]) and not host["CapAdd"], "it needs none"
        assert user == facts["Config"]["User"], "not root"
        everything = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
        seen = shown(container) + everything.stdout + everything.stderr + docker("top", container)
        assert [] == [name for name, word in VALUES.items() if word in seen], "nothing that is shown holds a secret"


def test_a_node_that_lost_a_process_ends_so_that_docker_starts_it_anew(airflow):
    # It gives itself a title: its words are not where they were.
    kill = (
        "import os, signal\n"
        "for pid in set(filter(str.isdigit, os.listdir('/proc'))) - {str(os.getpid())}:\n"
        "    words = open(f'/proc/{pid}/cmdline').read()\n"
        "    if 'airflow' in words and 'scheduler' in words: os.kill(int(pid), signal.SIGKILL)\n"
    )
    docker("exec", airflow.name, "python", "-c", kill)
    ended = until(lambda: docker("inspect", "--format", "{{.State.Running}}", airflow.name) == "false", "it ends")
    assert ended, "without a scheduler it would answer and run nothing"
