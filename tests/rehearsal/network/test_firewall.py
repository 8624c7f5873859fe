"""The firewall of a real host, from outside, from a neighbour, and from its own containers."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from catalog.caddy import service as caddy
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.firewall import MESH, ContainerWays, FirewallRule
from homeport.model.host import Opening
from homeport.model.mesh import Member, Mesh
from homeport.model.network import Network
from homeport.model.route import Route
from homeport.render import ufw
from rehearsal.probes.box import docker, inside, start
from rehearsal.probes.scan import Scan, scan
from tests.rehearsal.network.conftest import BRIDGED, BY_HAND, DECLARED, HOST_SERVICE, RULES, SERVICE
from tests.support.waits import until

pytestmark = pytest.mark.docker
MEMBER, CALLED = "100.64.0.9", 9010
# What the rules see of a mesh: its client's interface, and an address of its range behind that.
_MESH = f"""
ip netns add member
ip link add {MESH} type veth peer name eth0 netns member
ip address add 100.64.0.1/10 dev {MESH} && ip link set {MESH} up
ip -n member address add {MEMBER}/10 dev eth0 && ip -n member link set eth0 up && ip -n member link set lo up
for port in {CALLED} {CALLED + 1}; do
  systemd-run -q --unit member-$port ip netns exec member python3 /usr/local/bin/listener $port
done
# Its networks in the other order than that of their names, by which Docker's default route is.
docker run -d --name proxy --network other tiny:1 sleep infinity >/dev/null && docker network connect front proxy
"""
_NO_MESH = f"""
docker rm -f proxy >/dev/null
systemctl stop member-{CALLED} member-{CALLED + 1}
ip netns delete member
"""
DOOR = [22]
SOME = ((1, 1024), (SERVICE, SERVICE), (BY_HAND, BY_HAND), (HOST_SERVICE, BRIDGED))


def seen(server, outside):
    """Open ports in both families; the scan of all ports is a claim of `make rehearse`."""
    scans = [Scan(address=server.address(family), ports=SOME, passes=2) for family in (4, 6)]
    return [scan(outside.prefix, scanned)["open"] for scanned in scans]


@pytest.mark.req("S2-28", "S2-30", "S2-31", "S1-06", "S1-81", "B-03", "G-05")
def test_from_outside_every_port_but_ssh_is_silent(server, outside):
    assert server.ok(f"nc -z -w 1 127.0.0.1 {BY_HAND} && nc -z 10.0.0.2 {SERVICE} && nc -z 127.0.0.1 {HOST_SERVICE}"), (
        "the ports must be open inside, or closed ones prove nothing"
    )
    assert [DOOR, DOOR] == seen(server, outside), "IPv4 and IPv6"


@pytest.mark.req("B-10")
def test_what_its_owner_opens_is_reached_behind_docker_and_on_the_host_itself(server, outside):
    openings = (Opening(purpose="hosts.app.open", port=port, owners=True) for port in (BY_HAND, HOST_SERVICE))
    server.firewall((*RULES, *(FirewallRule(opening=opening, published=True) for opening in openings)))
    try:
        container_too, program = sorted([*DOOR, BY_HAND, HOST_SERVICE]), sorted([*DOOR, HOST_SERVICE])
        assert [container_too, program] == seen(server, outside), (
            "what is published by hand is IPv4's, and no more opens"
        )
    finally:
        server.firewall()
    assert [DOOR, DOOR] == seen(server, outside), "what leaves the settings is shut again"


@pytest.mark.req("B-05")
@pytest.mark.parametrize("layer", ["/lib/ufw/ufw-init force-stop", "iptables -t mangle -F; ip6tables -t mangle -F"])
def test_each_layer_on_the_host_holds_alone(server, outside, layer):
    server.run(layer)
    try:
        assert [DOOR, DOOR] == seen(server, outside), f"without {layer.split()[0]} the other layer must hold"
    finally:
        server.firewall()


@pytest.mark.req("B-03", "B-04")
def test_a_neighbour_with_a_route_reaches_no_container(server, outside):
    docker("exec", outside.name, "ip", "route", "replace", "172.29.0.0/16", "via", server.address())
    docker("exec", outside.name, "ip", "route", "replace", "10.0.0.2/32", "via", server.address())
    inner = server.run("docker inspect -f '{{.NetworkSettings.Networks.front.IPAddress}}' by-hand").strip()
    reach = f"nc -z -w 1 {inner} 80 || nc -z -w 1 10.0.0.2 {SERVICE} || nc -z -w 1 10.0.0.2 {HOST_SERVICE}"
    open_ = "yes" in docker("exec", outside.name, "sh", "-c", f"{{ {reach}; }} && echo yes || echo no")

    assert not open_, "a route is no right: neither the container's own address nor the VPN's answers on the link"


@pytest.mark.req("B-07")
@pytest.mark.parametrize("container", ["other", "inner"])
def test_a_container_reaches_only_the_declared_port_of_the_host(server, container):
    gateway = {"other": "172.29.1.1", "inner": "172.29.2.1"}[container]
    found = {
        (at, port)
        for at in (gateway, server.address(), "10.0.0.2")
        for port in (22, HOST_SERVICE, DECLARED)
        if server.reaches(container, at, port)
    }
    wanted = (
        {(gateway, DECLARED)}
        if container == "inner"
        else {(at, DECLARED) for at in (gateway, server.address(), "10.0.0.2")}
    )

    assert set() == found - {(at, DECLARED) for at in (gateway, server.address(), "10.0.0.2")}, (
        "M4: a bridge is a road to the host"
    )
    until(
        lambda: all(server.reaches(container, *one) for one in wanted),
        "what is declared must work, or the test sees nothing",
    )


@pytest.mark.req("S1-08")
def test_a_port_of_a_host_program_is_for_the_bridges_that_it_names_and_the_loopback_address(server, outside):
    for at in ("172.29.1.1", server.address()):
        until(lambda at=at: server.reaches("other", at, BRIDGED), "a container of such a network")
        assert not server.reaches("by-hand", at, BRIDGED), "none of another network"
    assert not server.reaches("inner", "172.29.2.1", BRIDGED), "none of another network"
    assert server.ok(f"nc -z -w 1 127.0.0.1 {BRIDGED} && nc -z -w 1 ::1 {BRIDGED}"), "and the host's own programs"
    for family in (4, 6):
        scanned = Scan(address=server.address(family), ports=((BRIDGED, BRIDGED),), passes=2)
        assert [] == scan(outside.prefix, scanned)["open"], f"nobody else, by IPv{family}"


@pytest.mark.req("S1-08")
def test_no_container_reaches_it_by_ipv6(server):
    rules = server.run("ip6tables-save -t mangle; ip6tables-save -t filter")

    assert f"--dport {BRIDGED} " not in rules, "no rule of IPv6 lets anybody in"
    assert "-A HOMEPORT-INPUT -i br-+ -j DROP" in rules


def test_a_container_of_another_network_does_not_reach_the_service(server):
    assert not server.reaches("other", "10.0.0.2", SERVICE), "the VPN's members only"
    assert not server.reaches("inner", "10.0.0.2", SERVICE), "the VPN's members only"


@pytest.mark.req("S5-12")
def test_a_proxy_comes_to_its_port_of_a_member_and_its_neighbours_on_another_network_do_not(server):
    nets = (Network(name="front", subnet="172.29.0.0/24", internal=False),)
    nets += (Network(name="other", subnet="172.29.1.0/24", internal=False),)
    leads = Route(name="leads", service="", port=0, proxy="proxy", guards=(), upstream=f"http://{{mesh:it}}:{CALLED}")
    blueprint = Blueprint(
        preset="case",
        environment="prod",
        domain="example.com",
        services=(replace(caddy.SERVICE, name="proxy", networks=("other", "front")),),
        networks=nets,
        routes=(leads,),
        edge=Edge(bind="0.0.0.0", ports={"http": 80, "https": 443}, public=True),
        mesh=Mesh(server="mesh.example.com", base_domain="in.example.com", members=(Member(name="it", tags=("it",)),)),
    )
    ways = ContainerWays(mesh=True, mesh_calls=blueprint.mesh_calls(blueprint.services))
    server.run(_MESH)
    try:
        until(lambda: server.reaches("other", MEMBER, CALLED), "without a rule everybody comes there")
        server.firewall(ways=ways)
        until(lambda: server.reaches("proxy", MEMBER, CALLED), "the proxy comes to what its route leads to")
        assert not server.reaches("other", MEMBER, CALLED), "a container that shares a network with it does not"
        assert not server.reaches("proxy", MEMBER, CALLED + 1), "nor the proxy to another port"
    finally:
        server.run(_NO_MESH)
        server.firewall()


def test_a_member_that_the_mesh_knows_no_way_to_is_not_asked_for_on_the_link(server, outside):
    docker("exec", outside.name, "ip", "address", "replace", f"{MEMBER}/32", "dev", "lo")
    server.run(f"ip route replace {MEMBER} via {outside.address()}")
    beacon = start(inside(outside.name), "beacon", {"ports": [CALLED]})
    beacon.wait_for(0)
    try:
        until(lambda: server.reaches("other", MEMBER, CALLED), "somebody on the link answers in the member's place")
        server.firewall(ways=ContainerWays(mesh=True, mesh_calls=(("172.29.1.0/24", CALLED),)))
        assert server.ok(f"nc -z -w 2 {MEMBER} {CALLED}"), "he still answers, or the next line proves nothing"
        assert not server.reaches("other", MEMBER, CALLED), "the call is declared: by the mesh, and by no other way"
    finally:
        beacon.stop()
        server.run(f"ip route delete {MEMBER}")
        docker("exec", outside.name, "ip", "address", "delete", f"{MEMBER}/32", "dev", "lo")
        server.firewall()


@pytest.mark.req("B-08")
def test_a_container_gets_no_answer_from_the_metadata_service(server, outside):
    docker("exec", outside.name, "ip", "address", "replace", "169.254.169.254/32", "dev", "lo")
    server.run(f"ip route replace 169.254.169.254 via {outside.address()}")
    beacon = start(inside(outside.name), "beacon", {"ports": [8080]})
    beacon.wait_for(0)
    try:
        until(
            lambda: server.ok("nc -z -w 2 169.254.169.254 8080"), "the host itself may ask, or there is nobody to ask"
        )
        until(
            lambda: server.reaches("other", outside.address(), 8080), "the container reaches the box by another address"
        )
        assert not server.reaches("other", "169.254.169.254", 8080), "user data is not for containers"
    finally:
        beacon.stop()


@pytest.mark.long
@pytest.mark.req("B-09")
def test_nothing_opens_while_ufw_reloads_docker_restarts_or_the_host_boots(server, outside):
    watch = {"address": server.address(), "ports": [SERVICE, BY_HAND, HOST_SERVICE, 22], "rate": 50}
    running = start(inside(outside.name), "watch", watch)
    running.wait_for(0)
    for _ in range(3):
        server.run("ufw reload")
    server.run("systemctl restart docker")
    time.sleep(1)
    server.reboot()
    time.sleep(1)
    ports = running.stop()[-1]["ports"]
    # A refusal is no opening: a container's network is up before its systemd, a real host's is not.
    opened = {port: told for port, told in ports.items() if port != "22" and told.get("open")}

    assert {} == opened, f"not even for a moment: {ports}"
    assert 50 < ports["22"]["open"], f"SSH's own rule was open before and after: {ports}"


@pytest.mark.req("P-13")
def test_a_second_run_changes_nothing_and_a_strangers_rule_is_named_and_goes(server):
    before = server.run("iptables-save; ip6tables-save").splitlines()
    assert "" == server.firewall(), "nothing to report"
    after = server.run("iptables-save; ip6tables-save").splitlines()
    ends = "-A DOCKER-USER -j RETURN"  # Docker's own, at its start

    def strip(lines):
        return [line.split(" [")[0] for line in lines if not line.startswith("#") and line != ends]

    assert sorted(strip(before)) == sorted(strip(after)), "no rule twice, none less"

    server.run("ufw allow 8080/tcp >/dev/null; iptables -I DOCKER-USER -s 203.0.113.5 -j ACCEPT")
    rules = server.firewall()

    assert "--dport 8080" in rules, f"the rule that was made by hand is named: {rules}"
    assert "203.0.113.5" in rules, f"in Docker's chain too: {rules}"
    assert "8080" not in server.run("ufw status; iptables -S DOCKER-USER"), "and it is gone"


def test_the_chains_of_another_layer_stay_and_are_not_reported(server):
    """As fail2ban does it.

    A chain of its own, and jumps to it from the kernel's chains and from those of the firewall.
    """
    server.firewall(chains=("f2b-sshd", "f2b-web"))
    try:
        server.run("iptables -N f2b-sshd; iptables -A f2b-sshd -s 203.0.113.5 -j DROP; ip6tables -N f2b-sshd")
        server.run("iptables -I DOCKER-USER -p tcp -m multiport --dports 80,443 -j f2b-sshd")
        server.run("iptables -I ufw-user-input -p tcp --dport 22 -m comment --comment 'two words' -j f2b-sshd")
        server.run("iptables -I INPUT -j f2b-sshd; ip6tables -I ufw6-user-input -j f2b-sshd")
        jumps = server.run("{ iptables -S; ip6tables -S; } | grep f2b-sshd")
        reported = server.firewall(chains=("f2b-sshd", "f2b-web"))
        after = server.run("{ iptables -S; ip6tables -S; } | grep f2b-sshd")
        server.run("iptables -I DOCKER-USER -s 203.0.113.6 -j ACCEPT")
        stranger = server.firewall(chains=("f2b-sshd", "f2b-web"))
    finally:
        server.firewall()
        left = server.run("iptables -S | grep -e '-j f2b-sshd'")
        server.run(
            "for tool in iptables ip6tables; do $tool -D INPUT -j f2b-sshd || :; "
            "$tool -F f2b-sshd; $tool -X f2b-sshd; done"
        )
        server.run("rm -f /usr/local/lib/homeport/firewall-rules")

    assert 6 <= len(jumps.splitlines()), jumps
    assert "" == reported, f"reported as a stranger's: {reported}"
    assert jumps == after, "a jump was lost, doubled or moved"
    assert "203.0.113.6" in stranger and "f2b" not in stranger, f"strangers are still named: {stranger}"
    assert "-A INPUT -j f2b-sshd\n" == left, (
        f"without the layer the jumps go from the firewall's chains, and the kernel's own are no business of it: {left}"
    )


@pytest.mark.req("B-10")
def test_a_door_that_left_the_settings_is_closed_and_one_that_came_is_open(server, outside):
    server.firewall(RULES[1:3])
    reach = f"nc -z -w 1 {server.address()} 22 && echo yes || echo no"
    closed = docker("exec", outside.name, "sh", "-c", reach)
    server.firewall()

    assert "no" in closed, "the rules are a whole, not a list of additions"
    assert "yes" in docker("exec", outside.name, "sh", "-c", reach), "and it is open again"


def test_a_first_change_that_is_undone_leaves_nothing_in_force(server):
    """What the host does when nobody confirms: the files from before come back, then the unit's removal is run."""
    ours = " ".join(file.path for file in ufw.files(()))
    server.run(f"rm -f {ours}")
    server.run(ufw.remove())
    left = server.run("iptables -S; ip6tables -S; iptables -t mangle -S; ufw status")
    docker_starts = server.ok("systemctl restart docker")
    server.firewall()

    assert "HOMEPORT" not in left, left
    assert "-P INPUT DROP" not in left, f"as on a machine that never had a firewall: {left}"
    assert "Status: inactive" in left, left
    assert docker_starts, "Docker must not wait for a unit that is gone"
