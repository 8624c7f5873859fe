"""WireGuard on a real host, with a member that has nothing but its configuration."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import pytest

from components.wireguard import public_key
from homeport.model.firewall import ContainerWays
from rehearsal.probes.box import docker
from rehearsal.probes.peer import Peer, with_strange_key
from tests.rehearsal.network.conftest import BY_HAND, HOST_SERVICE, LAPTOP, LOCAL, SERVICE
from tests.support.waits import until

pytestmark = pytest.mark.docker


@pytest.fixture
def member(network, server):
    with Peer(network) as peer:
        peer.up(server.config(LOCAL))
        yield peer
        peer.down()


def reaches(peer, address, port):
    return "yes" in docker("exec", peer.name, "sh", "-c", f"nc -z -w 2 {address} {port} && echo yes || echo no")


@pytest.mark.req("S2-10", "S2-12", "S2-33", "S2-43", "S2-44", "B-02", "G-05")
def test_a_member_reaches_exactly_what_is_declared_with_nothing_but_its_configuration(server, member):
    member.until_handshake()

    assert "1 received" in docker("exec", member.name, "ping", "-c1", "-W2", "10.0.0.2"), (
        "the server answers in the VPN"
    )
    assert server.ok("ping -c1 -W2 10.0.0.1"), "and the member answers the server"
    until(lambda: reaches(member, "10.0.0.2", SERVICE), "the service on the VPN's address")
    until(lambda: reaches(member, "10.0.0.2", 22), "SSH is open to everybody here, so to members too")
    assert not reaches(member, "10.0.0.2", BY_HAND), "what was published by hand on all addresses is not declared"
    assert not reaches(member, "10.0.0.2", HOST_SERVICE), "a service of the host is not declared"


@pytest.mark.req("AT-04")
def test_containers_reach_a_member_at_declared_ports_alone_and_a_closed_network_is_left_by_nobody(server, member):
    member.until_handshake()
    sinks = [member.sink(port, address="10.0.0.1") for port in (8377, 8378)]
    try:
        until(lambda: server.reaches("other", "10.0.0.1", 8378), "with no word on ways, Docker alone decides")
        server.firewall(ways=ContainerWays(closed=("172.29.0.0/24",), vpn=True, calls=(("10.0.0.1", 8377),)))
        until(lambda: server.reaches("other", "10.0.0.1", 8377), "what is declared must work")
        assert not server.reaches("other", "10.0.0.1", 8378), "and nothing else of a member"
        assert not server.reaches("service", "10.0.0.1", 8377), "a database calls nobody"
        assert not server.reaches("service", member.address(), 8377), "nor the world"
        until(lambda: server.reaches("service", "by-hand", 80), "its neighbours it does")
        until(lambda: reaches(member, "10.0.0.2", SERVICE), "its published port is there: so it is not internal")
    finally:
        server.firewall()
        for sink in sinks:
            sink.stop()


@pytest.mark.req("S2-11")
def test_a_strange_key_gets_silence(network, server):
    with Peer(network) as stranger:
        stranger.up(with_strange_key(server.config(LOCAL)))
        stranger.knock("10.0.0.2")
        time.sleep(3)
        link = stranger.link()
        stranger.down()

    assert link.sent > 0, "it did ask"
    assert (None, 0) == (link.handshake_age, link.received), "not a byte comes back"


@pytest.mark.req("S2-07", "S2-08")
def test_the_files_on_the_host_are_as_declared(server):
    modes = server.run(
        "stat -c '%a %U %n' /etc/wireguard /etc/wireguard/private.key /etc/wireguard/public.key /etc/wireguard/wg0.conf"
    )
    conf = server.run("cat /etc/wireguard/wg0.conf").splitlines()

    assert ["700 root", "600 root", "644 root", "600 root"] == [
        " ".join(line.split()[:2]) for line in modes.splitlines()
    ], modes
    assert server.run("wg pubkey </etc/wireguard/private.key") == server.run("cat /etc/wireguard/public.key"), (
        "one pair"
    )
    for line in (
        "Address = 10.0.0.2/24",
        "ListenPort = 51820",
        "PostUp = iptables -A FORWARD -i wg0 -j ACCEPT",
        "PostDown = iptables -D FORWARD -i wg0 -j ACCEPT",
        "AllowedIPs = 10.0.0.1/32",
    ):
        assert line in conf, f"{line} is missing"


@pytest.mark.req("S2-60")
def test_five_restarts_and_a_crash_leave_one_rule(server):
    for _ in range(5):
        # systemd allows five starts in ten seconds.
        server.run("systemctl reset-failed wg-quick@wg0; systemctl restart wg-quick@wg0")
    rules = server.run("iptables -S FORWARD").splitlines().count("-A FORWARD -i wg0 -j ACCEPT")
    # wireguard-go dies, and the interface with it: PostDown is not run.
    server.run(
        "ip link delete wg0; systemctl stop wg-quick@wg0 || true; "
        "systemctl reset-failed wg-quick@wg0; systemctl start wg-quick@wg0"
    )
    after = server.run("iptables -S FORWARD").splitlines().count("-A FORWARD -i wg0 -j ACCEPT")

    assert (1, 1) == (rules, after), "PostUp and PostDown are symmetric, and a crash leaves no second one"


@pytest.mark.req("S2-09", "G-04")
@pytest.mark.parametrize("when", ["as it was set up", "after a reboot"])
def test_a_new_member_disturbs_neither_the_others_nor_containers(network, server, when):
    if when == "after a reboot":
        server.reboot()
        until(lambda: reaches_from_host(server), "the container is not back")
    running = (
        "docker inspect -f '{{.Id}} {{.State.StartedAt}}' service; systemctl show -p ActiveEnterTimestamp wg-quick@wg0"
    )
    before = server.run(running)
    with Peer(network) as member:
        member.up(server.config(LOCAL))
        member.until_handshake()
        probes = member.probes("10.0.0.2", 22, rate=100)
        try:
            for peers in ((LOCAL, LAPTOP), (LOCAL,)) * 4 + ((LOCAL, LAPTOP),):
                server.vpn = replace(server.vpn, peers=peers)
                server.wireguard()
            with Peer(network) as laptop:
                laptop.up(server.config(LAPTOP))
                laptop.until_handshake()
                came = not reaches(laptop, "10.0.0.2", SERVICE)
                laptop.down()
        finally:
            server.vpn = replace(server.vpn, peers=(LOCAL,))
            server.wireguard()
        answers = probes.stop()[-1]
        member.down()
    after = server.run(running)

    assert came, "the service is declared for another member only"
    assert answers["sent"] > 200, answers
    assert [] == answers["lost"], f"nobody is cut off: {answers}"
    assert before == after, "no container and no interface was restarted"
    assert "10.0.0.7" not in server.run("wg show wg0 allowed-ips"), "a peer that left the settings is gone"


def reaches_from_host(server):
    return server.ok(f"nc -z -w 1 10.0.0.2 {SERVICE}")


def test_a_members_key_is_changed_in_three_steps_while_probes_go_on(server, member):
    member.until_handshake()
    probes = member.probes("10.0.0.2", 22, rate=10)
    old = server.config(LOCAL)

    server.wireguard(rotating=("local",))
    time.sleep(1)
    new, begun = public_key(server.key("local", 1)), time.monotonic()
    member.switch(server.config(LOCAL, 1))
    held = f"wg show wg0 allowed-ips | grep -F '{new}' | grep -q 10.0.0.1/32"
    until(lambda: server.ok(held), "the new key does not get the address")
    seen = time.monotonic() - begun
    time.sleep(2)
    server.keys["local"] = 2
    server.wireguard()
    time.sleep(2)
    answers = probes.stop()[-1]
    peers = server.run("wg show wg0 allowed-ips").split()
    member.switch(old)
    time.sleep(2)
    refused = not reaches(member, "10.0.0.2", SERVICE)
    member.switch(server.config(LOCAL))
    until(lambda: reaches(member, "10.0.0.2", SERVICE), "the new key works")

    print(json.dumps(answers))
    assert answers["sent"] > 40, answers
    lost = [when for _, when in answers["lost"]]
    assert not lost or lost[-1] - lost[0] < seen + 0.6, (
        f"only while the host has not seen the new key's handshake: {answers}"
    )
    assert 2 == len(peers), f"one peer, one address: {peers}"
    assert refused, "the old key is forgotten"


@pytest.mark.long
@pytest.mark.req("S2-13")
def test_after_a_reboot_the_vpn_and_the_containers_on_its_address_are_back(network, server):
    began = time.monotonic()
    docker("restart", "--time", "30", server.name)
    booted = time.monotonic()
    with Peer(network) as peer:
        peer.up(server.config(LOCAL))
        until(lambda: peer.link().handshake_age is not None, "no handshake after the boot")
        vpn = time.monotonic() - booted
        until(lambda: reaches(peer, "10.0.0.2", SERVICE), "the container is not back")
        peer.down()
    print(f"down {booted - began:.1f} s, VPN {vpn:.1f} s, service {time.monotonic() - booted:.1f} s after the start")

    assert vpn < 15, "15 s for WireGuard"
    assert "" == server.run("systemctl --failed --no-legend"), "no failed unit"


@pytest.mark.req("S2-61")
def test_without_the_vpn_its_services_are_nowhere_else(server, outside):
    server.run("systemctl stop wg-quick@wg0")
    try:
        docker("exec", outside.name, "ip", "route", "replace", "10.0.0.2/32", "via", server.address())
        reached = [address for address in (server.address(), "10.0.0.2") if reaches(outside, address, SERVICE)]
        assert [] == reached, "closed, not bound elsewhere"
    finally:
        server.run("systemctl start wg-quick@wg0")
