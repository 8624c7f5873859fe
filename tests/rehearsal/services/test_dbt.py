"""dbt with its placeholder project against a real PostgreSQL, as its user types it: docker exec dbt dbt …."""

import json
import subprocess

import pytest

from catalog.dbt.service import SERVICE
from tests.support.catalog_containers import LABEL, ensure, healthy, logs, shown
from tests.support.containers import docker, until_says

pytestmark = pytest.mark.docker
POSTGRES = "postgres:15.19-alpine"
PASSWORD = "canary: of 'dbt' {{ 1 }} \"2\" \\ 3"
"""With what YAML, Jinja and a URL would read as something else."""
ROLES = """
CREATE ROLE dbt LOGIN PASSWORD $$%s$$;
CREATE DATABASE warehouse;
\\c warehouse
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
CREATE SCHEMA analytics AUTHORIZATION dbt;
"""


@pytest.fixture(scope="module")
def database(place):
    ensure(POSTGRES, SERVICE.image)
    name = f"{place.name}-postgres"
    place._containers.append(name)
    docker(
        "run",
        "--detach",
        f"--label={LABEL}",
        f"--name={name}",
        f"--network={place.name}",
        "--network-alias=postgres",
        "--user=999:999",
        "--tmpfs=/var/lib/postgresql/data:uid=999",
        "--env=POSTGRES_PASSWORD=superuser",
        "--env=PGDATA=/var/lib/postgresql/data/pgdata",
        "--env=POSTGRES_INITDB_ARGS=--no-sync",
        POSTGRES,
        "-c",
        "fsync=off",
    )
    until_says("accepting", name, "pg_isready", "-h", "127.0.0.1", "-U", "postgres")
    docker("exec", "-i", name, "psql", "-qU", "postgres", "-v", "ON_ERROR_STOP=1", input=ROLES % PASSWORD)
    return name


@pytest.fixture(scope="module")
def container(place, database):
    assert database, "it is there before whoever asks it"
    return healthy(place.start(SERVICE, {"dbt-database-password": PASSWORD}, env={"DBT_DATABASE": "warehouse"}))


def run(container, *words):
    """What a person types after docker exec; status and output."""
    done = subprocess.run(["docker", "exec", container, "dbt", *words], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.req("S1-24", "FP-05")
def test_the_placeholder_is_checked_seeded_run_and_tested(container, database):
    for words, said in (
        (("debug",), "All checks passed!"),
        (("seed",), "Completed successfully"),
        (("run",), "PASS=2 WARN=0 ERROR=0"),
        (("test",), "PASS=5 WARN=0 ERROR=0"),
    ):
        status, output = run(container, *words)
        assert status == 0 and said in output, f"dbt {' '.join(words)}: {output}"

    sql = (
        "SELECT day, visitors, tableowner FROM analytics.visitors_by_day, pg_tables "
        "WHERE tablename = 'visitors_by_day' ORDER BY day"
    )
    rows = docker("exec", database, "psql", "-qtAU", "postgres", "-d", "warehouse", "-c", sql)
    assert "2026-01-01|15|dbt\n2026-01-02|17|dbt" == rows, "by the role of its own, in the schema that is its own"


@pytest.mark.req("S1-24")
def test_a_run_that_loses_a_visitor_fails_its_test(container, database):
    sql = "UPDATE analytics.visitors_by_day SET visitors = 0"
    docker("exec", database, "psql", "-qU", "postgres", "-d", "warehouse", "-c", sql)
    status, output = run(container, "test", "--select", "no_visitor_is_lost")
    assert status == 1 and "Got 1 result" in output, f"a test that cannot fail is none: {output}"


@pytest.mark.req("S1-24", "S1-28", "S1-29")
def test_its_container_has_no_rights_and_shows_no_secret(container):
    facts = json.loads(shown(container))[0]

    host = facts["HostConfig"]
    assert (True, ["ALL"]) == (host["ReadonlyRootfs"], host["CapDrop"]) and not host["CapAdd"], "it needs none"
    assert PASSWORD not in shown(container) + logs(container) + docker("top", container), "the profile is a file"
    written = docker("exec", container, "sh", "-c", "touch /usr/app/dbt/x 2>&1 || true")
    assert "Read-only" in written, "the project is what the checkout has"


@pytest.mark.req("S1-24")
def test_a_wrong_password_is_named_by_dbt_and_by_the_health_check(place, container):
    assert container, "it is replaced"
    wrong = place.replace(SERVICE, {"dbt-database-password": "wrong"}, env={"DBT_DATABASE": "warehouse"})
    status, output = run(wrong, "debug")
    asked = subprocess.run(["docker", "exec", wrong, *SERVICE.health.test], capture_output=True, text=True, check=False)

    assert status == 1 and 'password authentication failed for user "dbt"' in output, output
    assert asked.returncode != 0 and "password authentication failed" in asked.stderr, (
        "an update with a password that the database does not know must not be called a success"
    )
