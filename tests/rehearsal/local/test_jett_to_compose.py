"""jett handed over to docker compose on the same volumes, and back: nothing of it changes, and no data is lost.

The last test gives the stack back to whoever looks at it next.
"""

from __future__ import annotations

import pytest

from catalog.presets.registry import preset
from homeport.cli.export import export
from homeport.cli.stack import Stack
from tests.support.compose_world import Composed, differences, look, seen

pytestmark = pytest.mark.world
FOLDERS = {service.name: service.files_at for service in preset("jett").services}


@pytest.fixture(scope="module")
def before(jett):
    jett.sql("CREATE TABLE IF NOT EXISTS handed_over AS SELECT 42 AS answer")
    return look(jett.stack.name, FOLDERS)


@pytest.fixture(scope="module")
def composed(jett, before, tmp_path_factory):
    folder = tmp_path_factory.mktemp("composed")
    stack = Stack(name=jett.stack.name, preset="jett", settings=jett.stack.settings)
    assert 0 == export(stack, str(folder / "export"), jett.secrets), "exported with the secrets that the data has"
    with Composed(folder, folder / "export").running(jett.stack.name, before) as running:
        yield running


@pytest.mark.req("S3-47", "P-13")
@pytest.mark.parametrize("service", FOLDERS)
def test_a_container_of_compose_is_the_one_that_homeport_made(jett, before, composed, service):
    after = seen(jett.container(service), FOLDERS[service])

    assert {"jett"} == {name.rpartition("-")[2] for name in composed.projects()}, "compose made it"
    assert {} == differences(before[service], after), "whatever Docker says of it, but ids, times and labels; its files"


@pytest.mark.req("S2-19")
@pytest.mark.usefixtures("composed")
def test_data_written_before_is_there_and_its_credentials_work(jett):
    assert "42" == jett.sql("SELECT answer FROM handed_over"), "the same volume"
    assert 200 == jett.call("/webhook/queue/claim", {})[0], "n8n reads its credential for PostgreSQL by the same key"


@pytest.mark.req("AT-10")
@pytest.mark.usefixtures("composed")
def test_the_owner_signs_in_by_the_hash_that_the_script_has_made(jett):
    body = {"emailOrLdapLoginId": "owner@example.com", "password": jett.secrets["n8n-owner-password"]}

    assert 200 == jett.call("/rest/login", body, key=False)[0], "another salt, and the same password"
    assert 401 == jett.call("/rest/login", {**body, "password": "wrong-Passw0rd"}, key=False)[0]


@pytest.mark.req("S2-05")
def test_after_compose_is_down_homeport_takes_it_back_with_the_data(jett, composed):
    composed.down()
    refreshed = jett.stack.pulumi("refresh", "--yes", "--skip-preview")
    jett.up()

    assert refreshed.returncode == 0, refreshed.stdout + refreshed.stderr
    assert "42" == jett.sql("SELECT answer FROM handed_over"), "the same volume again"
