"""fail2ban beside the firewall: who guesses is shut out, and a change of the firewall lets nobody in again."""

from __future__ import annotations

import pytest

from homeport.render import fail2ban
from tests.support.waits import until

pytestmark = pytest.mark.docker
GUESSER, MEMBER = "203.0.113.9", "10.0.0.1"


@pytest.fixture
def watching(server):
    server.firewall(chains=fail2ban.CHAINS)
    server.put(fail2ban.files(ports=(22,), trusted=("10.0.0.0/24",)), fail2ban.apply())
    yield server
    server.run(f"rm -f {fail2ban.PATH}")
    server.run(fail2ban.remove())
    server.run("systemctl stop fail2ban || true; rm -f /usr/local/lib/homeport/firewall-rules")
    server.firewall()


def fails(server, address):
    """What sshd says of five who are not let in.

    The journal asks the kernel for the name of whoever writes, so that one has to live until it was asked.
    """
    server.run("mkdir -p /run/guess && cp /usr/bin/logger /run/guess/sshd")
    said = f"Invalid user admin from {address} port 4711"
    count = f"journalctl -q -o cat -t sshd | grep -cF '{said}' || true"
    until_taken = f"until [ $({count}) -ge $((before + 5)) ]; do sleep 0.2; done"
    server.run(
        f"before=$({count}); {{ yes '{said}' | head -n 5; {until_taken}; }} | /run/guess/sshd -t sshd -p auth.info"
    )


def banned(server):
    return server.run("fail2ban-client get sshd banip").split()


def test_five_failures_shut_an_address_out_and_the_firewall_keeps_it_out(watching):
    fails(watching, GUESSER)
    until(lambda: GUESSER in banned(watching), "nobody was shut out")
    reported = watching.firewall(chains=fail2ban.CHAINS)

    assert f"-A f2b-sshd -s {GUESSER}/32" in watching.run("iptables -S"), (
        "shut out, also after the firewall's next load"
    )
    assert "f2b" not in reported, f"and it is nobody's trespass: {reported}"


def test_a_member_of_the_vpn_is_never_shut_out(watching):
    fails(watching, MEMBER)
    fails(watching, "203.0.113.10")
    until(lambda: "203.0.113.10" in banned(watching), "nobody was shut out")

    assert MEMBER not in banned(watching), "the way in that is left when all else fails"
