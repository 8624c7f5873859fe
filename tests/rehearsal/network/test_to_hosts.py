"""The claim on what containers reach of hosts, on a real host: with its firewall it holds, without one it does not."""

from __future__ import annotations

import pytest

from rehearsal.claims import to_hosts
from rehearsal.claims.expected import ExpectedService, ExpectedSystem
from rehearsal.claims.run import check
from rehearsal.claims.view import View
from rehearsal.probes.box import inside
from tests.rehearsal.network.conftest import BRIDGED, BY_HAND, DECLARED, HOST_SERVICE, SERVICE

pytestmark = pytest.mark.docker
(CLAIM,) = to_hosts.CLAIMS
BOTH_LAYERS_OFF = "/lib/ufw/ufw-init force-stop; iptables -t mangle -F; ip6tables -t mangle -F"


@pytest.fixture
def view(server):
    """The machine's containers as its rules have them (`conftest.RULES`)."""

    def on(network, **published):
        return ExpectedService(user="", memory=0, cpus=0, networks=(network,), **published)

    system = ExpectedSystem(
        exposure="vpn",
        services={
            "service": on("front", port=SERVICE),
            "by-hand": on("front", published=(f"0.0.0.0:{BY_HAND}->80/tcp",)),
            "other": on("other"),
            "inner": on("inner"),
        },
        networks={"front": "open", "other": "open", "inner": "internal"},
        tcp=(22,),
        units=(),
        folder="",
        secret_files={},
        vpn_address="10.0.0.2",
        bridged={str(DECLARED): [], str(BRIDGED): ["172.29.1.0/24"]},
    )
    addresses = (server.address(4), server.address(6))
    # What it does not look at: the outside, the edge, the clouds.
    nothing = {"network": "", "peer": None, "edge": "", "domain": "", "clouds": {}, "ids": {}}
    return View(expected=system, host=inside(server.name), addresses=addresses, **nothing)


@pytest.mark.req("B-07")
def test_a_host_answers_its_containers_as_declared_at_each_of_its_addresses(view):
    result = check(CLAIM, view)
    assert ("passed", "refused") == (result.state, result.control), result.got


def test_without_a_firewall_each_port_that_answers_containers_is_named(server, view):
    server.run(BOTH_LAYERS_OFF)
    try:
        got = check(CLAIM, view).got
    finally:
        server.firewall()
    for name, gateway in (("other", "172.29.1.1"), ("inner", "172.29.2.1")):
        for port in (22, HOST_SERVICE):
            assert f"{name} to its own host, {gateway}, port {port}: expected no answer, measured open" in got
    assert f"inner to its own host, 172.29.2.1, port {BRIDGED}: expected no answer, measured open" in got
