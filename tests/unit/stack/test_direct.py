"""A server whose proxy opens its doors itself (exposure direct).

The firewall's holes, the ports, and the certificates.
"""

from __future__ import annotations

import base64
import io
import re
import tarfile

import pytest

from tests.unit.stack.test_graph import COMMAND, CONTAINER, RENTED, RENTED_SECRETS

DOORS = {"22", "80", "443"}


@pytest.fixture
def rented(build):
    settings = {**RENTED, "exposure": "direct", "acme_email": "admin@example.com"}
    return build(settings, RENTED_SECRETS, stack="prod")


def delivered(graph, name):
    """The files that a command is given as an archive: name to text."""
    bundle = graph.one(COMMAND, name)["inputs"]["stdin"]
    # The last line: those before it are what a script may not show.
    packed = base64.b64decode((bundle["value"] if isinstance(bundle, dict) else bundle).splitlines()[-1])
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {member.name: archive.extractfile(member).read().decode() for member in archive if member.isfile()}


@pytest.mark.req("S3-03")
def test_both_firewalls_let_in_ssh_and_the_proxys_two_ports_and_no_other(rented):
    cloud = rented.one("hcloud:index/firewall:Firewall", "main-firewall")["inputs"]["rules"]
    host = "\n".join(delivered(rented, "firewall-rules-files").values())

    assert DOORS == {rule["port"] for rule in cloud if rule["direction"] == "in" and rule["protocol"] == "tcp"}
    assert [] == [rule for rule in cloud if rule["protocol"] not in {"tcp", "icmp"}], "nothing by UDP"
    for family in ("ufw", "ufw6"):
        opened = re.findall(rf"-A {family}-user-input -p (\w+) --dport (\d+) -j ACCEPT", host)
        assert {("tcp", port) for port in DOORS} == set(opened), f"{family}: the same doors, a second time"


@pytest.mark.req("S3-04", "S3-13")
def test_the_proxy_alone_is_published_and_gets_certificates_for_its_names_that_last(rented):
    published = {
        container["name"]: {port["external"] for port in container["inputs"]["ports"]}
        for container in rented.all(CONTAINER)
        if container["inputs"].get("ports")
    }
    caddyfile = next(
        text for name, text in delivered(rented, "ai-caddy-routes-taken").items() if name.endswith("Caddyfile")
    )
    mounts = {
        volume["containerPath"]: volume["volumeName"]
        for volume in rented.one(CONTAINER, "ai-caddy-container")["inputs"]["volumes"]
    }

    assert {"ai-caddy-container": {80, 443}} == published, "of all services the proxy alone"
    assert re.search(r"^(https://)?n8n\.example\.com(:443)? \{", caddyfile, re.MULTILINE), caddyfile
    assert "email admin@example.com" in caddyfile, "the authority can reach somebody"
    assert "tls internal" not in caddyfile and "auto_https off" not in caddyfile, "certificates are got by themselves"
    assert "ai-caddy-caddy_data" == mounts["/data"], "and are kept when the container is another"
