"""The cloud's firewall stands outside of the machine.

For this computer, for others on the internet, for IPv4 and IPv6.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rehearsal.machine.handle import Machine
from tests.rehearsal.machine.cloud import answers, rule
from tests.support.waits import until

pytestmark = pytest.mark.docker
LISTEN = "systemd-run -q --unit {name} python3 -m http.server --bind :: {port}"


@pytest.fixture(scope="module")
def listening(cloud, server):
    """The machine with two ports open inside, for both versions of IP: 8001 and 8002."""
    made, machine = server
    for port in (8001, 8002):
        done = cloud.ssh(machine, LISTEN.format(name=f"listen-{port}", port=port))
        assert 0 == done.returncode, done.stderr
    until(lambda: _serves(machine, 8001) and _serves(machine, 8002), "it listens inside")
    yield made, machine
    cloud.ssh(machine, "systemctl stop listen-8001 listen-8002")


def _serves(machine, port):
    return machine.running and "yes" == machine.run("sh", "-c", f"nc -z 127.0.0.1 {port} && echo yes || true")


def allow(cloud, firewall, *rules):
    cloud.make(f"/firewalls/{firewall['id']}/actions/set_rules", {"rules": list(rules)})


def seen(cloud, machine, ipv6, port):
    """From here and from another host, by IPv4 and by IPv6."""
    looks = [(look, address) for address in (machine.ipv4, ipv6) for look in (answers, cloud.stranger_sees)]
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda look: look[0](look[1], port), looks))


def test_only_what_a_rule_names_gets_through_from_everywhere(cloud, listening, firewall):
    made, machine = listening
    ipv6 = made["public_net"]["ipv6"]["ip"].removesuffix("/64") + "1"
    assert 4 * ["silent"] == seen(cloud, machine, ipv6, 8001), "no rule, no way, although it listens"
    allow(cloud, firewall, rule("22"), rule("8001"))
    assert 4 * ["open"] == seen(cloud, machine, ipv6, 8001), "a rule opens its port at once"
    assert 4 * ["silent"] == seen(cloud, machine, ipv6, 8002), "and only that"
    allow(cloud, firewall, rule("22"), rule("8000-8005", f"{cloud.ground.gateway}/32"))
    assert ["open", "silent", "silent", "silent"] == seen(cloud, machine, ipv6, 8002), "for this source, not for others"
    allow(cloud, firewall, rule("22"), rule("any", "192.0.2.0/24", direction="out"))
    out = machine.run("sh", "-c", f"timeout 2 nc -z {cloud.ground.gateway} 9 2>&1; echo $?")
    assert "124" == out.splitlines()[-1], "with a rule outwards, other ways out are closed, not refused"
    cloud.make(
        f"/firewalls/{firewall['id']}/actions/remove_from_resources",
        {"remove_from": [{"type": "server", "server": {"id": made["id"]}}]},
    )
    cloud.settle()
    assert 4 * ["open"] == seen(cloud, machine, ipv6, 8002), "without a firewall nothing is filtered"
    cloud.make(
        f"/firewalls/{firewall['id']}/actions/apply_to_resources",
        {"apply_to": [{"type": "server", "server": {"id": made["id"]}}]},
    )
    allow(cloud, firewall, rule("22"))
    cloud.settle()
    assert 4 * ["silent"] == seen(cloud, machine, ipv6, 8002), "with it, all is again"


def test_a_machine_is_never_open_from_its_birth_through_its_reboots(cloud):
    wall = cloud.make("/firewalls", {"name": "shut", "rules": []})["firewall"]
    made = cloud.server("young", ssh_keys=[cloud.key_id], firewalls=[{"firewall": wall["id"]}], location="fsn1")
    address, found, stop = made["public_net"]["ipv4"]["ip"], set(), threading.Event()

    def look():
        while not stop.is_set():
            found.add(answers(address, 22, 0.3))

    looker = threading.Thread(target=look)
    looker.start()
    try:
        cloud.settle()
        machine = Machine.named(cloud.ground, "young")
        until(lambda: _serves(machine, 22), "it listens inside")
        cloud.action(made, "reset")
        until(lambda: _serves(machine, 22), "it listens again")
    finally:
        stop.set()
        looker.join()
        cloud.ask("DELETE", f"/servers/{made['id']}")
        cloud.settle()
    assert {"silent"} == found, "neither open nor refused, at no moment"


def test_nothing_leaves_the_world_and_nobody_answers_its_names(cloud, server):
    _, machine = server
    assert "nameserver " + cloud.ground.gateway == machine.run("cat", "/etc/resolv.conf"), (
        "not the resolver of this computer"
    )
    done = cloud.ssh(machine, "curl -sS -m 5 http://192.0.2.1/ 2>&1")
    assert 7 == done.returncode, (
        f"curl's code for `refused`: the ground says at once what can't be reached: {done.stdout}"
    )
