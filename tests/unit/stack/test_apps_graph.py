"""What an app adds to a stack's graph, and that it leaves the rest as it is."""

from __future__ import annotations

import pytest

from tests.unit.stack.recorded import built, condensed

APPS = {
    "hello": {
        "image": "python:3.11-slim-bookworm",
        "command": ["python", "-m", "http.server", "8000"],
        "port": 8000,
        "route": {"access": "login"},
        "volumes": {"files": "/srv"},
        "secrets": {"KEY": {}},
        "database": True,
    },
    "nightly": {"image": "tidy:1.0", "command": ["tidy"], "schedule": "@daily", "internet": True},
}
ROUTES = "homeport:docker:Routes$command:local:Command::ai-caddy-routes-taken"
"""The proxy's routes, which it takes by a reload."""


@pytest.fixture(scope="module")
def graphs():
    case = {"preset": "ai-orchestrator", "secrets": {}, "stack": "dev", "presets": {}}
    return [condensed(built({**case, "settings": {"apps": apps}}))["resources"] for apps in ({}, APPS)]


@pytest.mark.req("OS-02")
def test_a_graph_with_apps_has_resources_more_and_changes_none(graphs):
    before, after = graphs
    changed = {urn for urn in before if before[urn]["inputs"] != after.get(urn, {}).get("inputs")}

    assert set() == before.keys() - after.keys(), "nothing is taken away"
    assert {ROUTES} == changed, "no container, volume, network, file or secret of another service"


@pytest.mark.req("OS-02")
def test_what_is_more_is_the_apps_own(graphs):
    before, after = graphs
    more = {urn.rpartition("::")[2] for urn in after.keys() - before.keys()}
    strangers = {name for name in more if not any(app in name for app in APPS)}

    assert {"hello-container", "hello-files", "hello-own-files", "networks-app-hello", "database-app_hello"} <= more
    assert {"volumes-busybox", "volumes-busybox-prepared", "images-busybox", "ai-caddy-on"} == strangers, (
        "and its tools"
    )
