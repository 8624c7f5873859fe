"""PostgreSQL 18 with four databases and one password, and Redis 8 with its snapshots, as other services meet them."""

import subprocess
from urllib.parse import quote

import pytest

from catalog.postgresql.service import SERVICE
from catalog.redis.service import V8
from tests.rehearsal.vpai_services.conftest import PASSWORDS
from tests.support.catalog_containers import LABEL, healthy, shown
from tests.support.containers import docker

pytestmark = pytest.mark.docker
NAMES = ("litellm", "n8n", "nocodb", "sure")


def written(name):
    return quote(PASSWORDS[name], safe="")


def psql(place, url, words="SELECT 1"):
    """A client beside the server, as every application is: its exit code and what it says."""
    done = subprocess.run(
        [
            *("docker", "run", "--rm", f"--network={place.name}", f"--label={LABEL}", "--entrypoint=psql"),
            *(SERVICE.image, "-qtA", url, "-c", words),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).strip()


@pytest.mark.req("S5-22", "S5-93")
def test_the_superuser_signs_in_by_the_description_s_own_url(postgresql, place):
    host = "postgresql:5432"
    assert (0, "1") == psql(place, f"postgresql://postgres:{written('postgresql-password')}@{host}"), "as it is written"
    code, output = psql(place, f"postgresql://postgres:wrong@{host}")
    assert code and "password authentication failed" in output, "and by no other password"
    assert postgresql.query("SHOW server_version_num").startswith("18"), "the major version that was asked for"


@pytest.mark.req("S5-22")
def test_its_data_is_where_version_18_has_it(postgresql):
    assert "/var/lib/postgresql/18/docker" == postgresql.query("SHOW data_directory"), "below the volume, by its major"
    mount = '{{range .Mounts}}{{if eq .Type "volume"}}{{.Destination}} {{end}}{{end}}'
    mounts = docker("inspect", "--format", mount, postgresql.name).split()
    assert "/var/lib/postgresql" in mounts and "/var/lib/postgresql/data" not in mounts, "one volume, no second one"


@pytest.mark.usefixtures("postgresql")
def test_a_volume_where_earlier_versions_had_it_is_refused():
    place_of_old = ("--tmpfs=/var/lib/postgresql/data", f"--label={LABEL}")
    done = subprocess.run(
        ["docker", "run", "--rm", *place_of_old, "--env=POSTGRES_PASSWORD=unused", SERVICE.image],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode and "/var/lib/postgresql" in done.stderr, "what is mounted there would never be used"


@pytest.mark.req("S5-23")
def test_each_application_has_its_database_and_all_have_one_password(postgresql, place):
    for name in NAMES:
        url = f"postgresql://{name}:{written('postgresql-password')}@postgresql:5432"
        table = "CREATE TABLE mine (x int); INSERT INTO mine VALUES (1); SELECT count(*) FROM mine; DROP TABLE mine"
        assert (0, "1") == psql(place, f"{url}/{name}", table), f"{name} makes what it needs in its own database"
        other = NAMES[NAMES.index(name) - 1]
        assert psql(place, f"{url}/{other}")[0], f"{name} is not let into {other}'s"
    before = postgresql.query("SELECT datname, oid FROM pg_database ORDER BY 1")
    postgresql.provide()
    assert before == postgresql.query("SELECT datname, oid FROM pg_database ORDER BY 1"), "a second run changes nothing"
    assert not postgresql.query("SELECT rolname FROM pg_roles WHERE rolsuper AND rolname <> 'postgres'"), "no other"


@pytest.mark.req("S5-23")
def test_a_new_password_is_everybody_s_and_the_data_stays(postgresql, place, monkeypatch):
    postgresql.query("CREATE TABLE kept AS SELECT 7 AS x", database="n8n", user="n8n")
    monkeypatch.setitem(PASSWORDS, "postgresql-password", "another ' one \\ with \" quotes")
    healthy(place.replace(SERVICE, PASSWORDS), SERVICE.health.gate)
    postgresql.provide()
    for name in ("postgres", "n8n"):
        url = f"postgresql://{name}:{written('postgresql-password')}@postgresql:5432/n8n"
        assert (0, "7") == psql(place, url, "SELECT x FROM kept"), f"{name} signs in by the new one"
    monkeypatch.undo()
    assert psql(place, f"postgresql://postgres:{written('postgresql-password')}@postgresql:5432")[0], "not by the old"
    healthy(place.replace(SERVICE, PASSWORDS), SERVICE.health.gate)
    postgresql.provide()
    postgresql.query("DROP TABLE kept", database="n8n", user="n8n")


def cli(place, *words, url=""):
    """What Redis answers to a client beside it."""
    # `default` is who the description's URL leaves out; redis-cli would sign in as a user without a name.
    address = url or f"redis://default:{written('redis-password')}@redis:6379"
    argv = ["docker", "run", "--rm", f"--network={place.name}", f"--label={LABEL}", "--entrypoint=redis-cli"]
    done = subprocess.run(
        [*argv, V8.image, "--no-auth-warning", "-u", address, *words], capture_output=True, text=True, check=False
    )
    return (done.stdout + done.stderr).strip()


@pytest.mark.req("S5-24")
@pytest.mark.usefixtures("redis")
def test_redis_answers_who_has_its_password_and_nobody_else(place):
    assert "PONG" == cli(place, "ping"), "by its password alone"
    assert "NOAUTH" in cli(place, "get", "x", url="redis://redis:6379"), "without a password nobody reads anything"
    assert "NOPERM" in cli(place, "get", "x", url="redis://health:any@redis:6379"), "the health check may only ping"
    for words in (("config", "get", "*"), ("acl", "list"), ("module", "list"), ("flushall",), ("shutdown", "nosave")):
        assert "NOPERM" in cli(place, *words), f"no application administers the server by {words[0]}"


@pytest.mark.req("S5-24")
def test_what_redis_holds_is_in_its_snapshot_after_a_stop(redis, place):
    cli(place, "set", "litellm:budget:mode", "eco")
    docker("stop", "--time", "20", redis)
    docker("start", redis)
    healthy(redis)
    assert "eco" == cli(place, "get", "litellm:budget:mode"), "the mode of the budget outlives a restart"
    assert "dump.rdb" in docker("exec", redis, "ls", "/data"), "by a snapshot"
    cli(place, "del", "litellm:budget:mode")


def test_neither_runs_as_root_or_shows_its_password(postgresql, redis):
    for container in (postgresql.name, redis):
        log = subprocess.run(["docker", "logs", container], capture_output=True, text=True, check=True)
        seen = shown(container) + docker("top", container) + log.stdout + log.stderr
        assert [] == [name for name, word in PASSWORDS.items() if word in seen], "it is a file of mode 0400"
        facts = "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.HostConfig.CapAdd}}"
        assert "999:999 true [ALL] []" == docker("inspect", "--format", facts, container), "it needs no rights"
