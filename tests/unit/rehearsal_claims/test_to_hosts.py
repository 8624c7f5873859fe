"""What the claim on what containers reach of hosts makes of answers, on the AI host of vpai as it is described."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from rehearsal.claims import to_hosts
from rehearsal.claims.expected import expected
from rehearsal.claims.run import check
from tests.unit.rehearsal_claims.described import Host, containers

(CLAIM,) = to_hosts.CLAIMS
AI = expected("vpai", host="ai")
SUBNETS = {"frontend": 1, "backend": 2, "monitoring": 3, "egress": 4, "sandbox": 5}
MESH = {"ai": "100.64.0.1", "app": "100.64.0.2", "vpn": "100.64.0.3", "workstation": "100.64.0.4"}
PUBLIC, PUBLIC6, DOCKER = "198.18.0.10", "fd00::1", "172.17.0.1"
GATEWAYS = {network: f"172.20.{number}.1" for network, number in SUBNETS.items()}
OWN = (PUBLIC, PUBLIC6, DOCKER, MESH["ai"], *GATEWAYS.values())
IP = "".join(
    f"{number}: link    inet{'6' if ':' in address else ''} {address}/24 scope global link\n"
    for number, address in enumerate(OWN)
)
SS = """LISTEN 0 128 0.0.0.0:804 0.0.0.0:*
LISTEN 0 128 127.0.0.1:6060 0.0.0.0:*
LISTEN 0 128 *:9100 *:*
"""
# Who leaves by egress, and the gateways that each of them comes to by another network of its own.
BY_EGRESS = {
    "alloy": ("monitoring",),
    "budget-guard": ("backend",),
    "litellm": ("backend",),
    "n8n": ("backend",),
    "nocodb": ("backend",),
    "openclaw": ("backend", "sandbox"),
    "sure-worker": ("backend",),
    "zerobyte": ("backend",),
}
RIGHT = {
    (name, address, 9100)
    for name, otherwise in BY_EGRESS.items()
    for address in (*(each for each in OWN if ":" not in each), MESH["app"], MESH["vpn"], MESH["workstation"])
    if address not in {GATEWAYS[network] for network in otherwise}
} | {(name, MESH["vpn"], 443) for name in ("caddy", "grafana")}
"""What the AI host's containers reach of hosts, written by hand: Alloy's and Grafana's ways, and their neighbours'."""


class Asked(Host):
    """The AI host, whose containers are answered as a test says."""

    def __init__(self, monkeypatch, answered=RIGHT, refused=(), late=()):
        running = containers(AI)
        for host, (name, about) in enumerate(running.items(), 2):
            about["State"]["Pid"] = host
            about["NetworkSettings"]["Networks"] = {
                network: {"IPAddress": f"172.20.{SUBNETS[network]}.{host}", "IPPrefixLen": 24}
                for network in AI.services[name].networks
            }
        super().__init__(AI, copy.deepcopy(running), ip=IP, ss=SS)
        self.name, self.mesh, self.targets = "ai", {**MESH, "a device": "100.64.0.9"}, {}
        self.systems = dict.fromkeys(MESH)
        names = {str(about["State"]["Pid"]): name for name, about in running.items()}
        late = set(late)

        def run(prefix, program, about):
            assert ("reach", "--net") == (program, prefix[-1])
            name, targets = names[prefix[-2]], [tuple(target) for target in about["targets"]]
            self.targets.setdefault(name, targets)
            slow = {each for each in late if each[0] == name and about["patience"] < to_hosts._MORE_PATIENCE}
            found = {kind: [to for to in targets if (name, *to) in several] for kind, several in kinds.items()}
            return [{**found, "reached": [to for to in found["reached"] if (name, *to) not in slow]}]

        kinds = {"reached": answered, "refused": refused}
        monkeypatch.setattr(to_hosts, "run", run)


def test_a_host_that_answers_as_described_passes_and_its_spoiled_picture_does_not(monkeypatch):
    result = check(CLAIM, Asked(monkeypatch))
    assert ("passed", "refused", "[]") == (result.state, result.control, result.got)


def test_every_container_asks_every_address_of_its_host_and_the_others_in_the_mesh(monkeypatch):
    host = Asked(monkeypatch)
    check(CLAIM, host)

    assert {*AI.services} == {*host.targets}, "of each container"
    for name, targets in host.targets.items():
        assert {*OWN, *MESH.values()} == {address for address, _ in targets}, name
        asked = {port for address, port in targets if address == GATEWAYS["sandbox"]}
        assert {22, 80, 443, 804, 2375, 6060, 9010, 9100} <= asked, "usual, declared, and where anything listens"


@pytest.mark.parametrize(
    ("name", "address", "port", "said"),
    [
        ("openclaw-sandbox", GATEWAYS["sandbox"], 9100, "its own host, 172.20.5.1,"),
        ("openclaw-sandbox", GATEWAYS["sandbox"], 22, "its own host, 172.20.5.1,"),
        ("openclaw-sandbox", MESH["ai"], 443, "its own host, 100.64.0.1,"),
        ("openclaw-sandbox", MESH["workstation"], 9010, "host workstation in the mesh, 100.64.0.4,"),
        ("openclaw-sandbox", PUBLIC, 804, "its own host, 198.18.0.10,"),
        ("openclaw-sandbox", PUBLIC6, 22, "its own host, fd00::1,"),
        ("n8n", PUBLIC, 22, "its own host, 198.18.0.10,"),
        ("n8n", GATEWAYS["backend"], 9100, "its own host, 172.20.2.1,"),
        ("n8n", MESH["vpn"], 443, "host vpn in the mesh, 100.64.0.3,"),
        ("grafana", MESH["workstation"], 443, "host workstation in the mesh, 100.64.0.4,"),
        ("loki", GATEWAYS["monitoring"], 443, "its own host, 172.20.3.1,"),
        ("caddy", DOCKER, 9100, "its own host, 172.17.0.1,"),
    ],
)
def test_a_port_that_answers_though_nobody_declared_it_is_named(monkeypatch, name, address, port, said):
    got = check(CLAIM, Asked(monkeypatch, answered=RIGHT | {(name, address, port)}))

    assert "failed" == got.state
    assert f"['{name} to {said} port {port}: expected no answer, measured open']" == got.got


@pytest.mark.parametrize(
    ("name", "address", "port"),
    [
        ("alloy", MESH["workstation"], 9100),
        ("alloy", MESH["ai"], 9100),
        ("grafana", MESH["vpn"], 443),
    ],
)
def test_a_declared_port_that_does_not_answer_is_named_but_not_one_that_answers_late(monkeypatch, name, address, port):
    got = check(CLAIM, Asked(monkeypatch, answered=RIGHT - {(name, address, port)}))
    assert "failed" == got.state
    assert f"port {port}: expected open, measured no answer" in got.got, got.got
    assert got.got.startswith(f"['{name} to "), got.got

    assert "passed" == check(CLAIM, Asked(monkeypatch, late={(name, address, port)})).state


def test_a_refusal_is_an_answer(monkeypatch):
    own = check(CLAIM, Asked(monkeypatch, refused={("openclaw-sandbox", GATEWAYS["sandbox"], 2375)}))
    other = check(CLAIM, Asked(monkeypatch, refused={("n8n", MESH["app"], 22)}))

    assert "port 2375: expected no answer, measured refused" in own.got, "the firewall lets it in, if to nobody"
    assert "host app in the mesh, 100.64.0.2, port 22: expected no answer, measured refused" in other.got, "it left"


@pytest.mark.parametrize("name", ["grafana", "n8n", "caddy"])
def test_of_a_published_port_of_a_neighbour_nothing_is_claimed(monkeypatch, name):
    for answered in (RIGHT, RIGHT | {(name, PUBLIC, 443)}):
        assert "passed" == check(CLAIM, Asked(monkeypatch, answered=answered)).state, "it comes there without the host"


def test_a_program_of_the_host_without_sources_answers_every_container(monkeypatch):
    host = Asked(monkeypatch)
    host.expected = replace(AI, bridged={"9100": []})
    got = check(CLAIM, host)

    assert "openclaw-sandbox to its own host, 172.20.5.1, port 9100: expected open, measured no answer" in got.got
