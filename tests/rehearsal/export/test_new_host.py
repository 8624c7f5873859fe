"""An export on a host that has nothing of it yet: deploy.sh makes all that it needs."""

from __future__ import annotations

import secrets

import pytest

from homeport.cli.export import export
from homeport.cli.stack import Stack
from tests.support import subnets
from tests.support.compose_world import Composed
from tests.support.scratch import LIGHT, docker, inspect

pytestmark = pytest.mark.docker


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    folder, name, block = tmp_path_factory.mktemp("new"), f"t{secrets.token_hex(3)}", subnets.block("10.231")
    networks = {"ai-edge": f"{block}.0/26", "ai-data": f"{block}.64/26"}
    settings = {"environment": "dev", "namespace": name, "services": LIGHT, "networks": networks}
    assert 0 == export(Stack(name=name, preset="ai-orchestrator", settings=settings), str(folder / "export"))
    (folder / "export/.env").write_text("POSTGRES_PASSWORD=Example0postgres+password/for=tests\n")
    composed = Composed(folder, folder / "export")
    try:
        done = composed.deploy()
        assert done.returncode == 0, done.stdout + done.stderr
        yield composed
    finally:
        composed.down()
        for kind in ("volume", "network"):
            objects = docker(kind, "ls", "--filter", f"name={name}-", "--format", "{{.Name}}").split()
            assert objects, f"the {kind}s carry the namespace"
            docker(kind, "rm", *objects)


@pytest.mark.req("S3-42", "S3-44")
def test_data_is_in_the_production_directory_and_belongs_to_the_containers_user(deployed):
    postgres = inspect(deployed.containers()["ai-postgres"])
    (data,) = (mount for mount in postgres["Mounts"] if mount["Destination"] == "/var/lib/postgresql/data")
    folder = deployed.target / "postgres/pgdata"

    assert data["Name"].endswith("-ai-postgres-postgres"), "a volume of the name that homeport would give it"
    assert (folder / "PG_VERSION").read_text().strip() == "16", "which is a folder where one looks for it"
    assert 999 == folder.stat().st_uid
    assert [0o400] == [path.stat().st_mode & 0o7777 for path in (deployed.target / "files/ai-redis").glob("*.acl")]


@pytest.mark.req("S3-45", "S3-46")
def test_the_schema_is_there_and_a_second_run_leaves_all_containers_as_they_are(deployed):
    names = deployed.containers()
    argv = ("exec", names["ai-postgres"], "psql", "-XAtq", "-U", "postgres", "-d", "ai_memory", "-c")
    before = {name: inspect(container)["Id"] for name, container in names.items()}
    applied = docker(*argv, "SELECT count(*) FROM schema_migrations").strip()
    done = deployed.deploy()

    assert done.returncode == 0, done.stdout + done.stderr
    assert 0 < int(applied) == int(docker(*argv, "SELECT count(*) FROM schema_migrations")), "migrated, once"
    assert before == {name: inspect(container)["Id"] for name, container in names.items()}, "nothing has changed"
