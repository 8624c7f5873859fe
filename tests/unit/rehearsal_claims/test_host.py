"""What the claims on the host make of its files, its packages and what its containers said."""

from __future__ import annotations

import pytest
import yaml

from rehearsal.claims import host
from rehearsal.claims.expected import expected
from rehearsal.claims.run import check
from tests.unit.rehearsal_claims.described import Host

BY_NAME = {claim.name: claim for claim in host.CLAIMS}
VARIABLES = {"A": "${POSTGRES_PASSWORD}", "B": "$${not_one}"}
SERVICES = {
    name: {
        "image": f"{name}:1",
        "environment": VARIABLES,
        "volumes": [f"{name}_data:/data", "/var/run/docker.sock:/var/run/docker.sock:ro"],
        "networks": ["jett_default"],
    }
    for name in expected("jett").services
}
COMPOSE = yaml.safe_dump({"services": SERVICES})
MODES = "644 root:root /opt/jett/docker-compose.yml\n600 root:root /opt/jett/.env\n"


def files(compose=COMPOSE, names="POSTGRES_PASSWORD\n", modes=MODES, package="ii  wireguard-tools", log=""):
    """A host with the compose file, a package, and logs."""
    view = Host(cat=compose, cut=names, stat=modes, sh=log, **{"dpkg-query": package})
    view.secrets = {"postgres-password": "not told"}
    return view


@pytest.mark.parametrize("name", BY_NAME)
def test_a_host_as_described_passes_and_its_spoiled_picture_does_not(name):
    result = check(BY_NAME[name], files())

    assert ("passed", "refused") == (result.state, result.control), f"expected {result.expected} got {result.got}"


@pytest.mark.req("RW-07")
def test_of_a_kernel_without_apparmor_the_report_says_that_nothing_was_seen():
    assert "without AppArmor: not to be seen here" in check(BY_NAME["apparmor"], files()).got


@pytest.mark.parametrize(
    ("claim", "view"),
    [
        ("apparmor", files(log="Y\n")),
        ("compose-file", files(compose=COMPOSE.replace("image: n8n:1", "image: n8n:2"))),
        ("compose-file", files(compose=yaml.safe_dump({"services": {"n8n": {"image": "n8n:1"}}}))),
        ("compose-file", files(compose=COMPOSE.replace("n8n_data:/data", "./files/n8n:/data"))),
        ("compose-file", files(compose=COMPOSE.replace("jett_default", "other"))),
        ("compose-file", files(names="REDIS_PASSWORD\n")),
        ("compose-file", files(compose=COMPOSE.replace("${POSTGRES", "${OTHER"))),
        ("compose-file", files(modes=MODES.replace("600", "640"))),
        ("compose-file", files(modes=MODES.replace("600 root:root", "600 deploy:deploy"))),
        ("nothing-written-to-a-root", files(log="mkdir: can't create directory '/x': Read-only file system\n")),
        ("wireguard-installed", files(package="un  wireguard-tools")),
    ],
)
def test_each_way_to_break_it_is_seen(claim, view):
    assert "failed" == check(BY_NAME[claim], view).state, "the claim no longer holds"
