"""The mesh for real.

Headscale behind Caddy on one side, on the other two servers with systemd that join over SSH as the program has them
join.

Built from the same sources as the upstream programs (toolchain/images/recipes); the network has no way out.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from ipaddress import ip_address, ip_network

import pytest

from homeport.cli import lockout
from homeport.model.firewall import MESH as INTERFACE
from homeport.model.mesh import Rule
from homeport.render import headscale, tailscale
from tests.support.checkout import ROOT
from tests.support.mesh import IMAGES, Machine, MeshNetwork, docker
from tests.support.mesh_stack import EXPIRED, MESH, REGISTERED_TWICE, WATCHER, Stack, keys_of, nodes_of
from tests.support.waits import until

# Building its two programs takes minutes.
pytestmark = [pytest.mark.docker, pytest.mark.long]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    subprocess.run([sys.executable, "-m", "toolchain.images", "ensure", *IMAGES], check=True, cwd=ROOT)
    network = MeshNetwork(tmp_path_factory.mktemp("mesh"), MESH)
    try:
        network.start()
        done = network.script("users", stdin="".join(f"{name}\n" for name in headscale.users(MESH)))
        assert done.returncode == 0, done.stderr
        yield network
    finally:
        network.remove()


@pytest.fixture(scope="module")
def machines(world):
    """Both servers, the client's files laid on them and its unit running, in nobody's mesh yet."""
    pair = Machine(world, "ai"), Machine(world, "watch")
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda one: (one.settle(), one.install()), pair))
    return pair


@pytest.fixture(scope="module")
def addresses(world, machines):
    """Both are in; arguments of all processes on the first one were recorded meanwhile."""
    machines[0].run("cat >/run/watcher.sh; systemd-run --quiet --unit watcher sh /run/watcher.sh", stdin=WATCHER)
    found = tuple(world.enrol(machine) for machine in machines)
    machines[0].run("systemctl stop watcher")
    return found


@pytest.mark.req("S5-12", "S5-13", "S5-14")
def test_hosts_join_without_anybodys_approval_and_their_addresses_come_back(world, machines, addresses):
    nodes = nodes_of(world)

    assert ["ai", "watch"] == sorted(node["given_name"] for node in nodes), "each host is in, once, under its own name"
    assert all(ip_address(address) in ip_network("100.64.0.0/10") for address in addresses), addresses
    own = [machine.run("tailscale ip -4").strip() for machine in machines]
    assert own == list(addresses), "the address that the program is told is the host's own"
    assert [["tag:ai"], ["tag:watch"]] == sorted(node["forced_tags"] for node in nodes), "rules speak of tags"


@pytest.mark.req("S5-13")
def test_to_enrol_again_makes_no_second_node_no_key_and_no_other_address(world, machines, addresses):
    before = nodes_of(world), len(keys_of(world))
    again = tuple(world.enrol(machine) for machine in machines)

    assert addresses == again, "an address is an output that others are built on"
    nodes, keys = nodes_of(world), len(keys_of(world))
    assert [node["id"] for node in before[0]] == [node["id"] for node in nodes], "no second node"
    assert [node["node_key"] for node in before[0]] == [node["node_key"] for node in nodes], "keys are kept"
    assert before[1] == keys, "a host that is in needs no key"


def test_users_are_made_once(world):
    done = world.script("users", stdin="hosts\nalice\n")
    names = [
        user["name"] for user in json.loads(docker("exec", world.control, "headscale", "users", "list", "-o", "json"))
    ]

    assert 0 == done.returncode, done.stderr
    assert ["alice", "hosts"] == sorted(names), "a second run finds them there"


@pytest.mark.usefixtures("addresses")
def test_the_key_is_in_no_argument_no_log_and_no_file(world, machines):
    keys = [key["key"] for key in keys_of(world)]
    seen = machines[0].run("cat /run/arguments")
    kept = machines[0].run("journalctl --no-pager; grep -rs . /etc/homeport /run/homeport* || true")
    places = {"arguments on the host": seen, "journal and files": kept, "control server's log": world.logs()}

    assert len(keys) >= 2 and all(re.fullmatch("[0-9a-f]{48}", key) for key in keys), (
        "these are the keys that were used"
    )
    assert "--auth-key=file:" in seen, "the recorder saw the very command"
    assert {} == {where: key for where, text in places.items() for key in keys if key in text}, "a key leaked"
    assert all(key["used"] and not key.get("reusable") for key in keys_of(world)), "nobody else can use it"


def test_the_policy_opens_what_is_declared_and_nothing_else(machines, addresses):
    ai, watch = machines
    for port in (9100, 9101):
        ai.serve(port)
    watch.serve(9100)

    until(lambda: watch.reaches(addresses[0], 9100), "the declared port does not answer")
    assert not watch.reaches(addresses[0], 9101), "another port of the same host is open"
    assert not ai.reaches(addresses[1], 9100), "the way back was never declared"
    assert not watch.reaches(addresses[0], 22), "SSH over the mesh was never declared"


@pytest.mark.req("S5-12")
def test_a_changed_policy_holds_after_the_control_server_restarts_and_members_stay(world, machines, addresses):
    watch = machines[1]
    world.declare(replace(MESH, rules=()))
    world.run_control()
    until(lambda: not watch.reaches(addresses[0], 9100), "without a rule nobody reaches anybody")

    world.declare(
        replace(MESH, rules=(*MESH.rules, Rule(sources=("100.64.0.0/10",), targets=("tag:ai",), ports="9101")))
    )
    world.run_control()
    until(lambda: watch.reaches(addresses[0], 9101), "what is declared now does not answer")
    assert watch.reaches(addresses[0], 9100), "the first rule is back"
    assert addresses == tuple(world.enrol(machine) for machine in machines), (
        "a restart of the control server moves nobody"
    )


def test_a_host_that_was_made_anew_takes_its_name_back_and_its_former_self_goes(world, machines, addresses):
    watch = machines[1]
    watch.run("systemctl stop tailscaled && rm -rf /var/lib/tailscale && systemctl start tailscaled")
    address = world.enrol(watch)

    assert ["ai", "watch"] == sorted(node["given_name"] for node in nodes_of(world)), "no leftover, no watch-x7k"
    until(lambda: watch.reaches(addresses[0], 9100), f"the new one at {address} has the tag of the old one")


@pytest.mark.usefixtures("addresses")
def test_a_member_that_the_server_forgot_joins_again(world, machines):
    ai = machines[0]
    assert 0 == world.script("leave", "ai").returncode, "the control server forgets a member"
    assert ["watch"] == [node["given_name"] for node in nodes_of(world)], "only the one that was named"
    assert 0 == world.script("leave", "ai").returncode, "to remove what is gone is no error"

    assert world.enrol(ai) == ai.run("tailscale ip -4").strip(), "it is back, and its address is told"
    for _ in range(3):
        # While the client hears of it: at some moments it registers twice, and the second time with a spent key.
        assert 0 == world.script("leave", "ai").returncode
        assert world.enrol(ai) == ai.run("tailscale ip -4").strip(), "whenever it is asked"


@pytest.mark.usefixtures("addresses")
def test_a_spent_key_is_replaced_by_a_fresh_one(world, machines):
    """What a client says that registered twice: played by a program before the real one, for nobody can time it."""
    ai, before = machines[0], len(keys_of(world))
    assert 0 == world.script("leave", "ai").returncode
    ai.run("cat >/usr/local/sbin/tailscale; chmod 755 /usr/local/sbin/tailscale", stdin=REGISTERED_TWICE)
    try:
        joined = world.enrol(ai)
    finally:
        ai.run("rm -rf /usr/local/sbin/tailscale /run/once")
    own = ai.run("tailscale ip -4").strip()
    assert (own, before + 2) == (joined, len(keys_of(world))), "it is in by the second of two keys"


@pytest.mark.usefixtures("addresses")
def test_a_failure_names_the_place_and_changes_nothing(world, machines, monkeypatch):
    deaf = MeshNetwork(world.folder, MESH)
    deaf.control = f"{world.prefix}-none"
    done = deaf.script("enrol", "ai", MESH.url, "tag:ai", member=machines[0])
    assert 1 == done.returncode, "there is no control server"
    assert f"the control server {deaf.control} does not answer; nothing was changed" in done.stderr, done.stderr

    monkeypatch.setattr(machines[0], "host_key", machines[1].host_key)
    done = world.script("enrol", "ai", MESH.url, "tag:ai", member=machines[0])
    assert 1 == done.returncode, "another machine answers at the host's address"
    assert "ai cannot be asked over SSH; nothing was changed" in done.stderr, done.stderr


@pytest.mark.usefixtures("addresses")
def test_keys_that_have_expired_when_they_come_are_said_and_ssh_is_as_before(world, machines, tmp_path, monkeypatch):
    """As with a hub whose clock is wrong: its keys are past the moment that they were made for."""
    ai = machines[0]
    assert 0 == world.script("leave", "ai").returncode
    early = tmp_path / "docker"
    early.write_text(EXPIRED.format(docker=shutil.which("docker")))
    early.chmod(0o755)
    with monkeypatch.context() as changed:
        changed.setenv("PATH", str(tmp_path), prepend=os.pathsep)
        done = world.script("enrol", "ai", MESH.url, "tag:ai", member=ai)

    assert 1 == done.returncode, "nobody joins by a key that has expired"
    assert f"ai did not join {MESH.url}: three keys" in done.stderr, done.stderr
    assert "\n  fix: timedatectl set-ntp true" in done.stderr, done.stderr
    assert "" == lockout.said_by(ai.environment, ai.environment["HOMEPORT_SSH"], "22"), "the way before is open"
    assert world.enrol(ai) == ai.run("tailscale ip -4").strip(), "with the clock right it joins"


@pytest.mark.usefixtures("addresses")
def test_without_the_control_server_nobody_joins_and_what_is_said_mends_it(world, machines):
    ai = machines[0]
    docker("stop", world.control)
    done = world.script("enrol", "ai", MESH.url, "tag:ai", member=ai)
    users = world.script("users", stdin="hosts\n")

    for failed in done, users:
        assert 1 == failed.returncode, failed.stdout
        assert f"mesh: the control server {world.control} does not answer; nothing was changed" in failed.stderr
    assert "" == lockout.said_by(ai.environment, ai.environment["HOMEPORT_SSH"], "22"), "the way before is open"
    fix = re.findall(r"fix: (docker restart \S+), then", done.stderr)[0]
    subprocess.run(fix.split(), check=True, capture_output=True)
    until(lambda: world.script("users", stdin="hosts\n").returncode == 0, "restarted, it does not answer")
    assert world.enrol(ai) == ai.run("tailscale ip -4").strip(), "mended, it is a member"


def test_the_clients_unit_is_hardened(machines):
    printed = machines[0].run(f"systemd-analyze security --no-pager tailscaled | tail -n 1; cat {tailscale.UNIT}")
    exposure = float(re.findall(r"exposure level for tailscaled.service: ([0-9.]+)", printed)[0])

    assert exposure <= 5.0, (
        f"upstream's own unit is at 9.2; a program that routes packets as root cannot get far below: {printed}"
    )
    assert "0" == machines[0].run("systemctl show -P NRestarts tailscaled").strip(), "what was taken away is not needed"


def test_a_member_that_was_rebooted_is_in_again_without_anybody(machines):
    ai, watch = machines
    address = ai.run("tailscale ip -4").strip()
    docker("restart", "--time", "5", ai.container)

    until(lambda: "running" in ai.run("systemctl is-active --quiet tailscaled && echo running || true"), "no client")
    ai.serve(9100)
    until(lambda: watch.reaches(address, 9100), "the rebooted host is not in")
    assert address == ai.run("tailscale ip -4").strip(), "with the address that it had"


def test_a_client_that_is_taken_away_leaves_nothing(machines):
    ai = machines[0]
    ai.run(tailscale.remove())

    left = ai.run(
        f"ls -d {tailscale.PROGRAMS} {tailscale.CLIENT} /var/lib/tailscale 2>/dev/null; "
        f"ip link show {INTERFACE} 2>/dev/null || true"
    )
    assert "" == left.strip(), f"programs, keys and the interface are gone: {left}"
    assert "inactive" == ai.run("systemctl is-active tailscaled || true").strip(), "and the unit does not run"
    ai.run(tailscale.remove())


@pytest.mark.world
@pytest.mark.req("P-03", "S5-13", "S5-14")
def test_the_component_by_the_real_engine_from_an_update_to_nothing(world, machines, tmp_path):
    for machine in machines:
        # What was there before a stack came would be there again after it.
        machine.run(f"{tailscale.remove()}\nrm -f {tailscale.UNIT}")
    stack = Stack(tmp_path, world, machines)
    stack.pulumi("up", "--yes", "--skip-preview")
    outputs = json.loads(stack.pulumi("stack", "output", "--json"))

    own = {machine.name: machine.run("tailscale ip -4").strip() for machine in machines}
    assert own == outputs["addresses"], "the addresses are outputs, for whoever needs them"
    assert {"ai": "ai.net.example.com", "watch": "watch.net.example.com"} == outputs["names"]
    stack.pulumi("preview", "--expect-no-changes", "--diff")
    stack.pulumi("refresh", "--yes", "--skip-preview")
    stack.pulumi("preview", "--expect-no-changes", "--diff")
    state = stack.pulumi("stack", "export")
    assert [] == [key["key"] for key in keys_of(world) if key["key"] in state], "no key of the mesh is in the state"

    stack.asked["members"]["ai"] = ["ai", "gpu"]
    stack.pulumi("up", "--yes", "--skip-preview")
    assert own == json.loads(stack.pulumi("stack", "output", "--json"))["addresses"], "another tag is no other member"
    tags = {node["given_name"]: sorted(node["forced_tags"]) for node in nodes_of(world)}
    assert {"ai": ["tag:ai", "tag:gpu"], "watch": ["tag:watch"]} == tags, "tags follow the declaration"

    stack.pulumi("destroy", "--yes", "--skip-preview")
    assert [] == nodes_of(world), "the control server forgot them"
    left = [
        machine.run(f"ls -d {tailscale.PROGRAMS} {tailscale.UNIT} /var/lib/tailscale 2>/dev/null || true")
        for machine in machines
    ]
    assert ["", ""] == left, "and nothing is left on the hosts"
