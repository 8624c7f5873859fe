"""Grafana, Loki, Alloy and Zerobyte as stubs: their literals hold together on Docker, and show no secret."""

import json
import subprocess

import pytest

from catalog.alloy.service import SERVICE as ALLOY
from catalog.grafana.service import SERVICE as GRAFANA
from catalog.loki.service import SERVICE as LOKI
from catalog.zerobyte.service import SERVICE as ZEROBYTE
from tests.support.alerts import system
from tests.support.catalog_containers import LABEL, ensure, healthy, logs, shown
from tests.support.containers import docker

pytestmark = pytest.mark.docker
EVERY = (GRAFANA, LOKI, ALLOY, ZEROBYTE)
TEXTS = {
    "grafana-user": "admin",
    "origin:grafana": "https://grafana.example.com",
    "origin:zerobyte": "https://zerobyte.example.com",
    "logs-retention": "30d",
    "node-targets": "[]",
}
VALUES = {secret.name: f"canary-{secret.name}" for service in EVERY for secret in service.secrets}


@pytest.fixture(scope="module")
def started(place):
    ensure(*(service.image for service in EVERY))
    return {service.name: place.start(service, VALUES, texts=TEXTS, blueprint=system()) for service in EVERY}


@pytest.mark.parametrize("service", EVERY, ids=lambda service: service.name)
def test_each_is_healthy_in_its_hardened_container_and_shows_no_secret(started, service):
    name = healthy(started[service.name])
    host = json.loads(shown(name))[0]["HostConfig"]

    assert (True, ["ALL"]) == (host["ReadonlyRootfs"], host["CapDrop"]), "it writes where it is said to, and no more"
    assert {*(host["CapAdd"] or ())} == {*service.capabilities}, "and has the rights that it has a reason for"
    seen = shown(name) + logs(name) + docker("top", name)
    assert [] == [word for word in VALUES.values() if word in seen], "what inspects, logs and lists shows no secret"


def test_grafana_finds_data_sources_dashboards_alerts_and_contacts_where_it_is_told_to_look(started):
    name = started["grafana"]
    env = dict(line.split("=", 1) for line in docker("exec", name, "env").splitlines() if "=" in line)
    there = docker("exec", name, "find", "/etc/homeport", "-type", "f").splitlines()

    folders = {
        path.removeprefix(env["GF_PATHS_PROVISIONING"]).split("/")[1] for path in there if "provisioning" in path
    }
    assert {"datasources", "dashboards", "alerting"} == folders, "as its provisioning reads them"
    assert {"/etc/homeport/dashboards/containers.json", "/etc/homeport/dashboards/hosts.json"} <= {*there}, "dashboards"
    assert "canary-grafana-admin-password" == docker("exec", name, "cat", env["GF_SECURITY_ADMIN_PASSWORD__FILE"]), (
        "its user reads the password's file"
    )
    contacts = "/etc/homeport/provisioning/alerting/contacts.yaml"
    assert "400" == docker("exec", name, "stat", "-c", "%a", contacts), "who else is in the container reads no token"


def test_alloy_reads_what_a_container_says_without_dockers_socket(place, started):
    word = "said-by-a-neighbour"
    neighbour = docker(
        "run", "--detach", f"--name={place.name}-neighbour", f"--label={LABEL}", "homeport/base:bookworm", "echo", word
    )
    try:
        docker("wait", neighbour)
        path = f"/var/lib/docker/containers/{neighbour}/{neighbour}-json.log"
        listed = docker("exec", started["alloy"], "sh", "-c", "ls /var/lib/docker/containers/*/*-json.log")
        assert path in listed.split(), "by the pattern of its configuration"
        assert word == json.loads(docker("exec", started["alloy"], "cat", path).splitlines()[0])["log"].strip(), (
            "as root without a single capability"
        )
        touched = subprocess.run(
            ["docker", "exec", started["alloy"], "touch", path], capture_output=True, text=True, check=False
        )
        assert touched.returncode != 0 and "Read-only" in touched.stderr, "and changes nothing"
    finally:
        docker("rm", "--force", neighbour, check=False)
    assert "docker.sock" not in json.dumps(json.loads(shown(started["alloy"]))[0]["Mounts"]), "the host is not its"
