"""The runner of a repository's jobs, where the settings name one."""

from __future__ import annotations

import json

import pytest

from tests.unit.stack.test_graph import ADOPTED

COMMAND, TOKEN = "command:local:Command", "A7C4NARYREGISTRATIONTOKEN0123"
RUNNER = {"repository": "https://github.com/owner/platform"}


@pytest.mark.req("S1-70", "S1-71")
def test_the_settings_have_the_runner_set_up_on_the_main_host(build):
    graph = build(ADOPTED | {"runner": RUNNER}, {"github-runner-token": TOKEN}, stack="prod")

    assert graph.all("homeport:host:ActionsRunner"), "it is a layer of the host"
    files = graph.one(COMMAND, "runner-service-files")
    assert "unit.sh" not in json.dumps(files["inputs"]["create"]), "what travels is in its standard input"
    assert not build(ADOPTED, {}, stack="prod").all("homeport:host:ActionsRunner"), "without them there is none"


def test_this_machine_gets_no_runner(build):
    graph = build({"runner": RUNNER}, {"github-runner-token": TOKEN})

    assert [] == graph.all("homeport:host:ActionsRunner"), "its jobs would be as mighty as its owner"
