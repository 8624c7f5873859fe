"""What the claims on jett's host make of its files, its packages and what its containers said."""

from __future__ import annotations

import pytest
import yaml

from rehearsal.claims import jett_host
from rehearsal.claims.run import check
from tests.unit.rehearsal_claims.test_jett import CONTAINERS, Host

BY_NAME = {claim.name: claim for claim in jett_host.CLAIMS}
IMAGES = {name: f"{name}:1" for name in CONTAINERS}
COMPOSE = yaml.safe_dump(
    {
        "services": {
            name: {"image": image, "environment": {"A": "${POSTGRES_PASSWORD}", "B": "$${not_one}"}}
            for name, image in IMAGES.items()
        }
    }
)
MODES = "644 root:root /opt/jett/docker-compose.yml\n600 root:root /opt/jett/.env\n"


class Files(Host):
    """A host with the compose file, a package, and logs."""

    def __init__(
        self, compose=COMPOSE, names="POSTGRES_PASSWORD\n", modes=MODES, package="ii  wireguard-tools", log=""
    ):
        super().__init__()
        self.secrets = {"postgres-password": "not told"}
        self.said = {"cat": compose, "cut": names, "stat": modes, "dpkg-query": package, "sh": log}

    def run(self, *argv, **_):
        return self.said[argv[0]] if argv[0] in self.said else super().run(*argv)

    def containers(self):
        return {
            name: {**one, "Config": {**one["Config"], "Labels": {"homeport.image": IMAGES[name]}}}
            for name, one in CONTAINERS.items()
        }


@pytest.mark.parametrize("name", BY_NAME)
def test_a_host_as_described_passes_and_its_spoiled_picture_does_not(name):
    result = check(BY_NAME[name], Files())

    assert ("passed", "refused") == (result.state, result.control), f"expected {result.expected} got {result.got}"


@pytest.mark.parametrize(
    ("claim", "host"),
    [
        ("compose-file", Files(compose=COMPOSE.replace("image: n8n:1", "image: n8n:2"))),
        ("compose-file", Files(compose=yaml.safe_dump({"services": {"n8n": {"image": "n8n:1"}}}))),
        ("compose-file", Files(names="REDIS_PASSWORD\n")),
        ("compose-file", Files(compose=COMPOSE.replace("${POSTGRES", "${OTHER"))),
        ("compose-file", Files(modes=MODES.replace("600", "640"))),
        ("compose-file", Files(modes=MODES.replace("600 root:root", "600 deploy:deploy"))),
        ("nothing-written-to-a-root", Files(log="mkdir: can't create directory '/x': Read-only file system\n")),
        ("wireguard-installed", Files(package="un  wireguard-tools")),
    ],
)
def test_each_way_to_break_it_is_seen(claim, host):
    assert "failed" == check(BY_NAME[claim], host).state, "the claim no longer holds"
