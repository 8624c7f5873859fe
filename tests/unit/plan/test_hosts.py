"""What is decided of each host before there is one: its ports, its firewall, what runs there and how it ends."""

from __future__ import annotations

import json

import pytest

from homeport.plan.resolve import resolve
from homeport.render import netfilter, ufw
from homeport.render.hetzner_firewall import hcloud_rules
from homeport.settings.load import Configuration
from tests.unit.stack.test_graph import ADOPTED

OTHER_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIL2yurT7YJB7JVLigZT+KrgydRjKbJDa4CCV819eE5Ag"
VPN = {"exposure": "vpn", "wireguard": {"peers": {"laptop": {"slot": 7}}}}


def planned_all(preset="jett", **settings):
    values = {"homeport:preset": preset, "homeport:settings": json.dumps({**ADOPTED, **settings})}
    return resolve(Configuration("prod", values), sealed=True).hosts


def planned(preset="jett", **settings):
    return planned_all(preset, **settings)["main"]


def opened(host):
    return [(opening.purpose, opening.port, opening.protocol) for opening in host.openings]


def test_strangers_reach_ssh_and_the_proxy_that_is_reached_directly():
    host = planned("ai-orchestrator")

    assert [("SSH", 22, "tcp"), ("HTTP", 80, "tcp"), ("HTTPS", 443, "tcp")] == opened(host), "and nothing else"
    assert {80, 443} == {rule.opening.port for rule in host.rules if rule.published}, "a container is behind these two"


def test_strangers_reach_the_vpns_own_port_and_members_its_services():
    host = planned(**VPN)
    inside = {(rule.opening.purpose, rule.address) for rule in host.rules if rule.via}

    assert [("SSH", 22, "tcp"), ("WireGuard", 51820, "udp")] == opened(host), (
        "WireGuard answers nobody that it does not know"
    )
    assert {(service.name, host.vpn.address) for service in host.services} == inside, "each at the VPN's address alone"


@pytest.mark.parametrize(
    ("ssh", "ports"),
    [({}, (22,)), ({"port": 2222}, (2222,)), ({"port": 2222, "previous": 22}, (2222, 22)), ({"previous": 22}, (22,))],
)
def test_while_sshd_moves_both_ports_are_open(ssh, ports):
    host = planned(**VPN, ssh=ssh)

    assert ports == host.ssh_ports, "the new one first: it is tried first"
    assert ports == tuple(number for purpose, number, _ in opened(host) if purpose == "SSH"), "nobody is locked out"


def test_ssh_for_members_alone_is_closed_to_strangers_and_open_in_the_vpn():
    host = planned(**VPN, ssh={"reach": "vpn"})

    assert [("WireGuard", 51820, "udp")] == opened(host), "the internet finds no sshd"
    assert [("wg0", 22, False)] == [
        (rule.via, rule.opening.port, rule.published) for rule in host.rules if rule.opening.purpose == "SSH"
    ], "the host's own port, by the VPN's interface"
    assert host.vpn.address == host.ssh_address, "the program is a member too"


def test_sources_of_ssh_narrow_both_firewalls():
    host = planned(**VPN, ssh={"sources": ["203.0.113.0/24"]})

    assert [("203.0.113.0/24",)] == [opening.sources for opening in host.openings if opening.purpose == "SSH"]
    assert [("203.0.113.0/24",)] == [rule.opening.sources for rule in host.rules if rule.opening.purpose == "SSH"]


def test_what_its_owner_opens_is_open_in_both_firewalls_for_a_program_of_the_host_and_for_a_container_of_nobodys():
    machine = {**ADOPTED["hosts"]["main"], "open": ["443/tcp", "8443/udp"]}
    before, host = planned(**VPN), planned(**VPN, hosts={"main": machine})

    more = [("hosts.main.open", 443, "tcp"), ("hosts.main.open", 8443, "udp")]
    assert [*opened(before), *more] == opened(host), "and nothing else"
    there = {(rule["protocol"], rule.get("port")) for rule in hcloud_rules(host.openings)}
    assert {("tcp", "443"), ("udp", "8443")} <= there, "the cloud's"
    for version, prefix in ((4, "ufw"), (6, "ufw6")):
        text = netfilter.restore(host.rules, version, host.ways)
        for port, protocol in ((443, "tcp"), (8443, "udp")):
            program = f"-p {protocol} --dport {port}"
            container = f"-p {protocol} -m conntrack --ctstate DNAT --ctorigdstport {port} -j RETURN"
            assert f"-A {prefix}-user-input {program} -j ACCEPT" in ufw.user_rules(host.rules, version)
            assert f"-A HOMEPORT-INPUT {program} -j RETURN" in text
            assert f"-A HOMEPORT-FORWARD {container}" in text, "published by hand"
            assert f"-A DOCKER-USER {container}" in text


def test_containers_end_in_the_opposite_order_of_their_start():
    host = planned("ai-orchestrator", namespace="blue")

    assert (("blue-ai-caddy",), ("blue-ai-n8n",), ("blue-ai-executor", "blue-ai-postgres", "blue-ai-redis")) == (
        host.stop_order
    ), "nobody loses what is written last"


def test_each_host_has_the_services_of_its_role_and_no_others_images_and_networks():
    data = {**ADOPTED["hosts"]["main"], "address": "203.0.113.8", "host_key": OTHER_KEY}
    other = planned_all(**VPN, hosts={**ADOPTED["hosts"], "other": data})["other"]

    assert ((), {}, (), {}, None) == (other.services, other.images, other.networks, other.shared_volumes, other.vpn)
    assert ["SSH"] == [opening.purpose for opening in other.openings], "the VPN ends on the first"
