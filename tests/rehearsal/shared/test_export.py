"""The rendered folder of the shared stack, deployed by its own script with real docker compose."""

from __future__ import annotations

import http.client
import os
import subprocess

import pytest

from bench.tools import compose
from homeport.cli.export import export
from homeport.cli.stack import Stack
from tests.support import subnets
from tests.support.scratch import docker, inspect
from tests.support.shared import SERVICES
from tests.support.waits import until

pytestmark = pytest.mark.world
VOLUMES = ("caddy-data", "caddy-config", "infisical-db-data", "infisical-redis-data", "valkey-data")


@pytest.fixture(scope="module")
def deployed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("export")
    source, target, config = folder / "source", folder / "target", folder / "docker"
    subnet = f"{subnets.block('10.232')}.0/24"
    export(
        Stack(name="dev", preset="shared-infrastructure", settings={"networks": {"ai-network": subnet}}), str(source)
    )
    # What .env says comes after .env.global: n8n by a name, the others by their ports.
    (source / ".env").write_text("N8N_HOSTNAME=flows.example.com\n")
    (config / "cli-plugins").mkdir(parents=True)
    (config / "cli-plugins" / "docker-compose").symlink_to(compose())
    environ = os.environ | {"DOCKER_CONFIG": str(config), "DEPLOY_WAIT": "0"}
    line = [str(source / "deploy.sh"), "--to", str(target)]
    done = subprocess.run(line, env=environ, capture_output=True, text=True, check=False, timeout=900)
    try:
        assert done.returncode == 0, done.stdout + done.stderr
        yield target
    finally:
        docker(
            "rm", "-fv", *(name for name in SERVICES if name in docker("ps", "-a", "--format", "{{.Names}}").split())
        )
        docker("network", "rm", "ai-network")
        docker("volume", "rm", "-f", *VOLUMES)


def asked(port, host):
    link = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        link.request("GET", "/api/status", headers={"Host": host})
        return link.getresponse().status
    finally:
        link.close()


@pytest.mark.req("S4-07", "S4-50", "S4-51", "S4-60")
def test_the_rendered_folder_comes_up_and_its_sites_answer_by_port(deployed):
    until(lambda: {inspect(name)["State"]["Health"]["Status"] for name in SERVICES} == {"healthy"}, "all are up")

    assert 200 == asked(8005, "whatever.example.org"), "any name on that port"
    assert (deployed / "caddy" / "Caddyfile").is_file()


@pytest.mark.req("S4-49", "S4-07")
def test_what_is_in_env_wins_over_what_is_shared(deployed):
    env = dict(line.split("=", 1) for line in inspect("caddy")["Config"]["Env"])

    assert ("flows.example.com", ":8005") == (env["N8N_HOSTNAME"], env["INFISICAL_HOSTNAME"])
    assert "N8N_HOSTNAME=:8001" in (deployed / ".env.global").read_text().splitlines(), "the shared one said otherwise"
    done = subprocess.run(
        ["docker", "exec", "caddy", "wget", "-q", "-S", "-O", "-", "--header", "Host: flows.example.com", "127.0.0.1"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert "401" in done.stderr, "the proxy knows the name that .env gave, and asks for the operator"


@pytest.mark.req("S4-15", "S4-52")
@pytest.mark.usefixtures("deployed")
def test_the_proxys_own_check_passes_on_the_rendered_file():
    done = subprocess.run(
        ["docker", "exec", "caddy", "caddy", "validate", "--config", "/etc/caddy/Caddyfile"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert 0 == done.returncode, done.stderr
