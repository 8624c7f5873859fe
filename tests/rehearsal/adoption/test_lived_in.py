"""A server on which somebody lives is adopted with the real program, and left again.

All that is on it is listed before, while homeport is there, and after: equal but for what was announced.
"""

from __future__ import annotations

import re

import pytest

from tests.support.lived_in import DATA, LivedIn

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
MOVED = "/srv/elsewhere"
MOVING = re.compile(
    r"active (session-|user@|user-runtime-dir@|apt-|systemd-tmpfiles|dpkg-db|e2scrub|fstrim|man-db|logro)"
    # Where databases work.
    rf"|(file|link) ({DATA}|{MOVED})/\w+x-ai-"
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


def the_data_is_below_one_folder_and_stays_where_it_is(lived_in, space):
    """Who owns it, who is refused, and what a person does to move it."""
    owners = lived_in.inside(f"cd {DATA} && stat -c '%n %u:%g %a' {space}-ai-postgres* {space}-ai-redis*")
    assert [f"{space}-ai-postgres-postgres 999:999 700", f"{space}-ai-redis-redis 999:999 700"] == owners.splitlines()
    lived_in.inside(f"test -s {DATA}/{space}-ai-postgres-postgres/pgdata/PG_VERSION")
    lived_in.inside(f"echo ours | tee {DATA}/{space}-ai-postgres-postgres/kept >{DATA}/{space}-ai-redis-redis/kept")
    code, said = lived_in.homeport("preview", "--refresh", "--expect-no-changes")
    assert 0 == code, said

    lived_in.stack.configure(data_folder=MOVED)
    code, said = lived_in.homeport("up", "--yes")
    assert 1 == code, said
    assert f"is {DATA}/{space}-ai-redis-redis and would be {MOVED}/{space}-ai-redis-redis: data is not moved" in said
    assert f"homeport:settings.data_folder {DATA}" in said, "the way back"

    # docs/adopting.md, Data below one folder.
    mine = f"--filter label=homeport.stack={lived_in.stack.name}"
    lived_in.inside(
        f"docker rm -f $(docker ps -aq {mine})\n"
        f"docker volume rm $(docker volume ls -q {mine} --filter label=homeport.data=true)\n"
        f"mkdir {MOVED}; mv {DATA}/{space}-* {MOVED}"
    )
    code, said = lived_in.homeport("up", "--yes")
    assert 0 == code, said
    kept = lived_in.inside(f"cat {MOVED}/{space}-*/kept").splitlines()
    assert ["ours", "ours"] == kept, "with all that was in them"
    mounted = lived_in.inside(f"docker exec {space}-ai-redis cat /data/kept")
    assert "ours\n" == mounted, "and it is what the services have"


@pytest.mark.req("CA-14", "CA-16", "CF-02", "AT-05")
def test_a_server_somebody_lives_on_is_adopted_only_as_far_as_was_said_and_is_theirs_again_afterwards(lived_in):
    before = lived_in.inventory()

    code, said = lived_in.homeport("up", "--yes")
    assert 1 == code, said
    named = set(re.findall(r"^    (/\S+|[a-z]+:\S+)  ", said, re.MULTILINE))
    assert {*TAKEN, f"{DATA}/{lived_in.stack.name}-ai-redis-redis"} == named, said
    assert f"volume {lived_in.stack.name}-ai-redis-redis is not of homeport" in said, said
    assert steady(before) == steady(lived_in.inventory()), "a refusal changes nothing"

    space = f"{lived_in.stack.name}x"
    lived_in.stack.configure(namespace=space, hosts={"main": {**lived_in.host, "take_over": [*TAKEN]}})
    code, said = lived_in.homeport("up", "--yes")
    assert 0 == code, said
    during = lived_in.inventory()
    assert [] == unannounced(steady(before) - during), "what others made is as it was, but for what was said"
    laid = {path for path in lived_in.laid() if path.startswith("/")}
    new = {line.split()[1] for line in steady(during) - before if line.startswith("file ")}
    assert [] == sorted(path for path in new - laid if "homeport" not in path), "homeport knows all that it has laid"

    lived_in.inside("rm /opt/ai-orchestrator/.env; echo '# mine' >>/etc/ssh/sshd_config.d/00-homeport.conf")
    _, said = lived_in.homeport("preview")
    for words in ("/opt/ai-orchestrator/.env is gone", "/etc/ssh/sshd_config.d/00-homeport.conf is changed"):
        assert words in said, said
    code, said = lived_in.homeport("up", "--yes")
    assert 0 == code, said
    assert steady(during) == steady(lived_in.inventory()), "the update brings back what a hand has changed"

    the_data_is_below_one_folder_and_stays_where_it_is(lived_in, space)

    code, said = lived_in.homeport("down", "--yes")
    assert 0 == code, said
    assert "" == lived_in.inside(f"find {DATA} {MOVED} -path '*{space}*'", check=False), (
        "no data of a stack that is gone"
    )
    after = lived_in.inventory()
    assert {"listener tcp [::]:8080"} == steady(before) - after, "docs/adopting.md: until Docker starts anew"
    left = {f"active homeport-{unit}.service" for unit in ("containers", "firewall")}
    assert left == steady(after) - before, "docs/adopting.md: units without a file, until the next boot"
