"""All data below one folder of the host, as the engine is told it."""

from __future__ import annotations

import pytest

from tests.unit.stack.test_graph import ADOPTED, COMMAND, VOLUME

FOLDER = "/opt/platform/data"


def data(graph):
    """The volumes that hold data: logical name to where Docker is told to keep it."""
    return {
        volume["name"]: (volume["inputs"].get("driverOpts") or {}).get("device", "")
        for volume in graph.all(VOLUME)
        if {"label": "homeport.data", "value": "true"} in volume["inputs"]["labels"]
    }


@pytest.mark.req("S5-74")
def test_each_volume_with_data_is_a_folder_that_is_there_before_it(build):
    graph = build({**ADOPTED, "data_folder": FOLDER}, stack="prod")
    before = build(ADOPTED, stack="prod")
    expected = {
        "ai-postgres-postgres": f"{FOLDER}/ai-postgres-postgres",
        "ai-redis-redis": f"{FOLDER}/ai-redis-redis",
        "ai-n8n-data": f"{FOLDER}/ai-n8n",
        "ai-caddy-caddy_data": f"{FOLDER}/ai-caddy-caddy_data",
    }

    assert expected == data(graph)
    for name, folder in expected.items():
        made = graph.one(COMMAND, f"{name}-folder")
        volume = graph.one(VOLUME, name)
        assert f"sh components/scripts/folder.sh make {folder}" == made["inputs"]["create"]
        assert made["urn"] in volume["options"]["dependencies"], "Docker makes no folder for such a volume"
        assert {"type": "none", "o": "bind", "device": folder} == volume["inputs"]["driverOpts"]
        assert volume["options"]["protect"]
        assert made["options"]["retainOnDelete"], "a folder is kept as its volume is"
        assert before.one(VOLUME, name)["inputs"]["name"] == volume["inputs"]["name"], "the volume is called as ever"
    others = [
        each["name"] for each in graph.all(VOLUME) if each["inputs"].get("driverOpts") and each["name"] not in expected
    ]
    assert [] == others, "files and caches are no data"
    assert {*before.identities()} | {f"{COMMAND} {name}-folder" for name in expected} == {*graph.identities()}


@pytest.mark.req("S5-74")
def test_a_folder_of_others_is_used_as_it_is_where_the_settings_say_so(build):
    host = {**ADOPTED["hosts"]["main"], "take_over": [f"{FOLDER}/ai-redis-redis"]}
    graph = build({**ADOPTED, "data_folder": FOLDER, "hosts": {"main": host}}, stack="prod")

    verbs = {
        each["name"]: each["inputs"]["create"].split()[2]
        for each in graph.all(COMMAND)
        if "folder.sh" in str(each["inputs"].get("create"))
    }
    assert "take" == verbs.pop("ai-redis-redis-folder")
    assert {"make"} == {*verbs.values()}


@pytest.mark.req("S5-74")
def test_the_data_of_a_service_that_is_off_stays_where_it_is(build):
    graph = build(
        {**ADOPTED, "data_folder": FOLDER, "services": {"ai-n8n": {"enabled": False}}},
        stack="prod",
    )

    assert f"{FOLDER}/ai-n8n" == data(graph)["ai-n8n-data"]
    assert graph.one(COMMAND, "ai-n8n-data-folder"), "or its data would be deleted with it"


def test_on_this_machine_docker_keeps_the_data(build):
    assert {""} == {*data(build({"data_folder": FOLDER})).values()}
