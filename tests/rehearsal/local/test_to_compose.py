"""The whole preset ai-orchestrator handed over to docker compose on the same volumes: nothing of it changes."""

from __future__ import annotations

import json

import pytest

from catalog.presets.registry import preset
from homeport.cli.export import export
from homeport.cli.stack import Stack
from tests.support.compose_world import Composed, differences, look, seen
from tests.support.scratch import Scratch, docker, free_port

pytestmark = pytest.mark.world
FOLDERS = {service.name: service.files_at for service in preset("ai-orchestrator").services}


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    ports = {"http_port": free_port(), "https_port": free_port()}
    with Scratch(tmp_path_factory.mktemp("memory"), services={}, edge=ports).running() as running:
        yield running


def sql(stack, text):
    argv = ("exec", "-i", f"{stack.name}-ai-postgres", "psql", "-XAtq", "-U", "postgres", "-d", "ai_memory", "-f", "-")
    return docker(*argv, stdin=text).strip()


@pytest.fixture(scope="module")
def before(stack):
    sql(stack, "CREATE TABLE handed_over AS SELECT 42 AS answer")
    return look(stack.name, FOLDERS)


@pytest.fixture(scope="module")
def composed(stack, before, tmp_path_factory):
    folder = tmp_path_factory.mktemp("composed")
    shown = stack.pulumi("stack", "output", "--json", "--show-secrets")
    described = Stack(name=stack.name, preset=stack.preset, settings=stack.settings)
    assert 0 == export(described, str(folder / "export"), json.loads(shown.stdout)["credentials"]), "exported"
    with Composed(folder, folder / "export").running(stack.name, before) as running:
        yield running


@pytest.mark.req("S3-47", "P-13")
@pytest.mark.parametrize("service", FOLDERS)
def test_a_container_of_compose_is_the_one_that_homeport_made(stack, before, composed, service):
    after = seen(f"{stack.name}-{service}", FOLDERS[service])

    assert {f"{stack.name}-ai-orchestrator"} == composed.projects(), "compose made it"
    assert {} == differences(before[service], after), "whatever Docker says of it, but ids, times and labels; its files"


@pytest.mark.req("S3-46")
@pytest.mark.usefixtures("composed")
def test_data_written_before_is_there(stack):
    assert "42" == sql(stack, "SELECT answer FROM handed_over"), "the same volume"
