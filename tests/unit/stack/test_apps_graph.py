"""What an app adds to a stack's graph, and that it leaves the rest as it is."""

from __future__ import annotations

import pytest

from tests.unit.stack.recorded import built, condensed
from tests.unit.stack.test_graph import RENTED, RENTED_SECRETS

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


OPEN = 8443
PUBLIC = {
    "image": "nginx:1.27",
    "port": 80,
    "route": {"access": "login"},
    "volumes": {"files": "/srv"},
    "internet": True,
}


@pytest.mark.req("B-10")
def test_all_that_an_app_is_in_production_goes_with_its_lines_and_the_ports_close():
    """What is more with an app than without is what an update takes away when the app leaves the settings."""

    def resources(**settings):
        main = {**RENTED["hosts"]["main"], **settings.pop("host", {})}
        case = {"preset": "jett", "settings": {**RENTED, "hosts": {"main": main}, **settings}, "presets": {}}
        return {row["urn"]: row for row in built({**case, "secrets": RENTED_SECRETS, "stack": "prod"})["resources"]}

    without, with_it = resources(), resources(apps={"hello": PUBLIC}, host={"open": [f"{OPEN}/tcp"]})
    more = {urn.rpartition("$")[2].partition("::")[0] for urn in with_it.keys() - without.keys()}
    changed = {urn.rpartition("::")[2] for urn in without if without[urn]["inputs"] != with_it[urn]["inputs"]}

    assert without.keys() <= with_it.keys(), "nothing of the others comes or goes with it"
    assert {
        "docker:index/container:Container",
        "docker:index/volume:Volume",
        "docker:index/network:Network",
        "cloudflare:index/dnsRecord:DnsRecord",
        "cloudflare:index/zeroTrustAccessApplication:ZeroTrustAccessApplication",
    } <= more, "each of them is a resource of its own, which leaves with it"
    assert {"main-firewall", "firewall-rules-files", "tunnel-service-files"} <= changed, (
        f"the cloud's firewall, the host's and the tunnel's routes say nothing of it any more: {changed}"
    )
