"""Production, rehearsed: its server deleted behind our back.

After all other modules of production, for it takes their server away.
"""

from __future__ import annotations

import pytest

from rehearsal.claims.run import PASSED, chosen, run
from rehearsal.claims.systems import claims_of
from tests.support.command import make
from tests.support.waits import until

pytestmark = pytest.mark.docker
CLAIMS = (
    "handshake",
    "services-in-the-vpn",
    "only-declared-services",
    "webhooks-by-token",
    "people-log-in",
    "ufw-only-ssh-and-wg",
)


@pytest.mark.req("D-12", "P-27")
def test_a_server_deleted_behind_our_back_comes_back_at_the_same_address_with_services_and_peers(rehearsed):
    before, outputs = rehearsed.hetzner("GET", "servers")["servers"][0], rehearsed.outputs
    rehearsed.hetzner("DELETE", f"servers/{before['id']}")
    until(lambda: not rehearsed.hetzner("GET", "servers")["servers"], "the emulated cloud did not delete it")

    again = make("rehearse", "ARGS=--no-claims", timeout=2400)
    after = rehearsed.hetzner("GET", "servers")["servers"]

    assert 0 == again.returncode, again.stdout[-6000:]
    assert "is gone from Hetzner Cloud" in again.stdout, "the person is told that its data went with it"
    assert [before["public_net"]["ipv4"]["ip"]] == [server["public_net"]["ipv4"]["ip"] for server in after], (
        "one server, same address"
    )
    assert before["id"] != after[0]["id"], "another server"
    assert outputs["client_configs"] == rehearsed.outputs["client_configs"], "what members were given is still good"
    with rehearsed.seen() as view:
        claims = chosen(claims_of("jett", view.expected), CLAIMS)
        failed = [str(result) for result in run(claims, view).results if result.state != PASSED]
    assert [] == failed, "VPN, services and tunnel are there as before"
