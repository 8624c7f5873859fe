"""A server on which somebody lives is adopted with the real program, and left again.

All that is on it is listed before, while homeport is there, and after: equal but for what was announced.
"""

from __future__ import annotations

import re

import pytest

from tests.support.lived_in import LivedIn

pytestmark = pytest.mark.world
TAKEN = (
    "/etc/docker/daemon.json",
    "/etc/ssh/revoked_keys",
    "/etc/ufw/ufw.conf",
    "/etc/ufw/user.rules",
    "/etc/ufw/user6.rules",
    "/etc/wireguard/wg0.conf",
    "login:alice",
    "port:8080/tcp",
)
"""What an update would not leave as it is; the refusal has to name just these."""
ANNOUNCED = re.compile(
    r"file /etc/default/ufw|address wg0 |wireguard wg0|listener udp .*:51998|listener tcp \[::\]:8080"
    r"|rule ip6?tables -A ufw6?-user-input .*--dport 9100|rule iptables -A DOCKER-USER -j RETURN|sysctl "
)
"""docs/adopting.md, beside the files that are named."""
MOVING = re.compile(
    r"active (session-|user@|user-runtime-dir@|apt-|systemd-tmpfiles|dpkg-db|e2scrub|fstrim|man-db|logro)"
)


@pytest.fixture(scope="module")
def lived_in(tmp_path_factory):
    made = LivedIn(tmp_path_factory.mktemp("lived-in"))
    try:
        yield made
    finally:
        made.remove()


def steady(lines):
    return {line for line in lines if not MOVING.match(line)}


def unannounced(lines):
    taken = {f"file {path}" for path in TAKEN}
    return sorted(line for line in lines if " ".join(line.split()[:2]) not in taken and not ANNOUNCED.match(line))


@pytest.mark.req("CA-14", "CA-16", "CF-02", "AT-05")
def test_a_server_somebody_lives_on_is_adopted_only_as_far_as_was_said_and_is_theirs_again_afterwards(lived_in):
    before = lived_in.inventory()

    code, said = lived_in.homeport("up", "--yes")
    assert 1 == code, said
    named = set(re.findall(r"^    (/\S+|[a-z]+:\S+)  ", said, re.MULTILINE))
    assert {*TAKEN} == named, said
    assert f"volume {lived_in.stack.name}-ai-redis-redis is not of homeport" in said, said
    assert steady(before) == steady(lived_in.inventory()), "a refusal changes nothing"

    space = f"{lived_in.stack.name}x"
    lived_in.stack.configure(namespace=space, hosts={"main": {**lived_in.host, "take_over": [*TAKEN]}})
    code, said = lived_in.homeport("up", "--yes")
    assert 0 == code, said
    during = lived_in.inventory()
    assert [] == unannounced(steady(before) - during), "what others made is as it was, but for what was said"
    laid = {path for path in lived_in.laid() if path.startswith("/")}
    new = {line.split()[1] for line in during - before if line.startswith("file ")}
    assert [] == sorted(path for path in new - laid if "homeport" not in path), "homeport knows all that it has laid"

    lived_in.inside("rm /opt/ai-orchestrator/.env; echo '# mine' >>/etc/ssh/sshd_config.d/00-homeport.conf")
    _, said = lived_in.homeport("preview")
    for words in ("/opt/ai-orchestrator/.env is gone", "/etc/ssh/sshd_config.d/00-homeport.conf is changed"):
        assert words in said, said
    code, said = lived_in.homeport("up", "--yes")
    assert 0 == code, said
    assert steady(during) == steady(lived_in.inventory()), "the update brings back what a hand has changed"

    code, said = lived_in.homeport("down", "--yes")
    assert 0 == code, said
    after = lived_in.inventory()
    assert {"listener tcp [::]:8080"} == steady(before) - after, "docs/adopting.md: until Docker starts anew"
    left = {f"active homeport-{unit}.service" for unit in ("containers", "firewall")}
    assert left == steady(after) - before, "docs/adopting.md: units without a file, until the next boot"
