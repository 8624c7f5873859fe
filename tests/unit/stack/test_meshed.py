"""Several hosts with a proxy each, joined by a mesh: what is decided of them, and the graph that comes of it."""

from __future__ import annotations

import base64
import json
from dataclasses import replace

import pytest

from catalog.presets import registry
from homeport.cli.expectations import described
from homeport.model.check import problems
from homeport.model.container import container_spec
from homeport.model.errors import ProblemsError
from homeport.model.firewall import MESH
from homeport.model.mesh import Rule
from homeport.plan.resolve import resolve
from homeport.plan.zone import records
from homeport.render.caddy import caddyfile
from homeport.render.files import service_files
from homeport.render.netfilter import restore
from homeport.settings import load
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT
from tests.unit.plan.test_hosts import OTHER_KEY
from tests.unit.stack.test_graph import ADOPTED

PRESET = "tests.unit.stack.meshed_preset"
(MACHINE,) = ADOPTED["hosts"].values()
HOSTS = {
    "ai": {**MACHINE, "roles": ["ai"]},
    "hub": {**MACHINE, "address": "192.0.2.11", "host_key": OTHER_KEY, "roles": ["hub"]},
}
SETTINGS = {"hosts": HOSTS}


@pytest.fixture
def planned(monkeypatch):
    monkeypatch.setitem(registry._BUILT, "meshed", PRESET)
    monkeypatch.setattr(load, "PRESETS", (*load.PRESETS, "meshed"))

    def run(stack="prod", **settings):
        values = {"homeport:preset": "meshed", "homeport:settings": json.dumps({**SETTINGS, **settings})}
        return resolve(Configuration(stack, values), sealed=True)

    return run


def refused(planned, **settings):
    with pytest.raises(ProblemsError) as error:
        planned(**settings)
    return [f"{problem.path}: {problem.what}" for problem in error.value.problems]


def sites(blueprint, name):
    text = caddyfile(blueprint.seen_by(blueprint.service(name)))
    return {line.split(" {")[0] for line in text.splitlines() if line.startswith("https://")}


def test_each_proxy_knows_the_names_of_its_own_hosts_services_alone(planned):
    blueprint = planned().blueprint

    assert {"https://app.example.com"} == sites(blueprint, "caddy")
    assert {"https://headscale.example.com"} == sites(blueprint, "hub-caddy")


def test_both_publish_the_same_ports_and_two_on_one_host_are_refused(planned):
    hosts = planned().hosts
    published = {name: {rule.opening.port for rule in host.rules if rule.published} for name, host in hosts.items()}

    assert {"ai": {80, 443}, "hub": {80, 443, 3478}} == published, "and STUN, by which members find each other"
    (alone,) = ({"main": {**MACHINE, "roles": ["ai", "hub"]}},)
    said = refused(planned, hosts=alone)
    assert any("caddy and hub-caddy are on host main" in line for line in said), said


@pytest.mark.req("S5-61")
def test_members_come_in_from_two_networks_and_everybody_else_gets_403(planned):
    blueprint = planned().blueprint
    text = caddyfile(blueprint.seen_by(blueprint.service("caddy")))

    assert "@allowed remote_ip 100.64.0.0/10 172.30.61.0/24" in text, "the connection's own address, not a header's"
    assert "respond 403" in text


@pytest.mark.req("S5-61")
@pytest.mark.parametrize(
    ("networks", "what"),
    [
        (("{mesh}",), "two networks at least"),
        (("{subnet:frontend}",), "two networks at least"),
        (("{mesh}", "{subnet:backend}"), "two networks at least"),
        (("{mesh}", "{subnet:frontend}", "0.0.0.0/0"), "0.0.0.0/0 is open to more than members"),
        (("{mesh}", "{subnet:frontend}", "198.51.100.0/24"), ""),
        (("{mesh}", "{subnet:nowhere}"), "name subnet:nowhere"),
        (("{mesh}", "fd00::/64"), "not all of them are IPv4 networks"),
    ],
)
def test_a_guard_for_members_names_the_mesh_and_the_proxys_own_network(planned, networks, what):
    blueprint = planned().blueprint
    app, *others = blueprint.routes
    route = replace(app, guards=(replace(app.guards[0], networks=networks),))
    said = [problem.what for problem in problems(replace(blueprint, routes=(route, *others)))]

    assert (what in said[0]) if what else not said, said


@pytest.mark.req("S5-12", "S5-14")
def test_every_host_is_a_member_with_its_roles_and_rules_of_roles_that_nobody_has_are_left_out(planned):
    mesh = planned(mesh={"users": ["alice"]}).blueprint.mesh

    assert [("ai", ("ai",)), ("hub", ("hub",))] == [(member.name, member.tags) for member in mesh.members]
    assert ("https://headscale.example.com", "ai.mesh.example.com") == (mesh.url, mesh.hostname(mesh.members[0]))
    assert [("tag:hub",), ("alice",)] == [rule.sources for rule in mesh.rules], "no host is a workstation"


def test_the_meshs_port_is_open_on_every_host_and_ssh_by_its_interface_too(planned):
    for host in planned().hosts.values():
        assert ("mesh", 41641, "udp") in [(each.purpose, each.port, each.protocol) for each in host.openings]
        assert [22] == [rule.opening.port for rule in host.rules if rule.via == MESH], "before the public way closes"
        assert host.ways.mesh, "no container calls a member unless it is declared"
        assert "tailscale" in host.images, "the client comes out of an image"


@pytest.mark.req("S5-06", "S5-08")
def test_ssh_over_the_mesh_alone_is_closed_to_strangers_and_found_by_the_members_name(planned):
    hosts = planned(ssh={"reach": "mesh", "port": 804}).hosts

    assert {"ai": "ai.mesh.example.com", "hub": "hub.mesh.example.com"} == {
        name: host.ssh_address for name, host in hosts.items()
    }
    for host in hosts.values():
        assert "SSH" not in [opening.purpose for opening in host.openings]
        assert [804] == [rule.opening.port for rule in host.rules if rule.opening.purpose == "SSH"]


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"mesh": {"enabled": False}, "ssh": {"reach": "mesh"}}, "ssh.reach: mesh.enabled is false"),
        (
            {"services": {"headscale": {"enabled": False}}},
            "mesh.enabled: its control server, service headscale,",
        ),
        ({"mesh": {"base_domain": "example.com"}}, "mesh.base_domain: holds the control server"),
        ({"mesh": {"users": ["hosts"]}}, "mesh.users.hosts: the stack's own hosts belong to this user"),
    ],
)
def test_what_would_lock_out_or_lead_nowhere_is_refused(planned, settings, what):
    said = refused(planned, **settings)

    assert any(what in line for line in said), said


def test_the_control_server_is_handed_its_configuration_and_its_policy(planned):
    blueprint = planned().blueprint
    files = service_files(blueprint, blueprint.service("headscale"), ROOT).plain

    assert "https://headscale.example.com" == json.loads(files["config.json"][1])["server_url"]
    assert ["tag:ai", "tag:hub"] == sorted(json.loads(files["policy.json"][1])["tagOwners"])


def test_in_dev_there_is_one_machine_and_no_mesh(planned):
    plan = planned(stack="dev", hosts={"main": {"mode": "local"}})

    assert plan.blueprint.mesh is None
    assert ["app", "caddy"] == sorted(service.name for service in plan.blueprint.services)
    assert "@allowed remote_ip 100.64.0.0/10 172.30.61.0/24" in caddyfile(plan.blueprint), "the same rule"


@pytest.mark.req("S5-13")
def test_hosts_join_once_the_control_server_answers_by_its_name(build):
    graph = build(SETTINGS, {}, "meshed", stack="prod", meshed=PRESET)
    kind = "command:local:Command"
    enrolled = {name: graph.one(kind, f"mesh-{name}-enrolled") for name in HOSTS}

    for name, resource in enrolled.items():
        assert f"enrol {name} https://headscale.example.com tag:{name}" in resource["inputs"]["create"]
        assert "HUB_DOCKER_HOST" in resource["inputs"]["environment"], "the hub's own daemon is asked"
    waits = graph.one(kind, "mesh-users")["options"]["dependencies"]
    assert any("hub-caddy-routes" in urn for urn in waits), f"the name leads to it first: {waits}"
    assert {*HOSTS} == set(graph.exports["mesh"]["value"]), "addresses are outputs"


@pytest.fixture
def calling(planned, monkeypatch):
    """The preset that is rehearsed: with a relay, a container that calls a member, and a program that members reach."""
    monkeypatch.setitem(registry._BUILT, "meshed", "tests.support.meshed_preset")
    ovh = {"dns": {"provider": "ovh"}, "certificates": {"challenge": "ovh"}}
    return planned(domain="example.com", **ovh)


@pytest.mark.req("S5-14")
def test_the_firewall_lets_declared_calls_of_members_through_and_no_other(calling):
    hub = calling.hosts["hub"]
    text = restore(hub.rules, 4, hub.ways)
    rules = [line for line in text.splitlines() if line.startswith("-A DOCKER-USER") and "-o tailscale0" in line]

    assert (("172.30.63.0/24", 443), ("172.30.63.0/24", 9102), ("172.30.64.0/24", 9100)) == hub.ways.mesh_calls, (
        "the relay, the proxy's program, and the one that asks"
    )
    assert any("-s 172.30.64.0/24 -d 100.64.0.0/10 -p tcp --dport 9100 -j RETURN" in line for line in rules), rules
    assert any("-s 172.30.64.0/24 -d 100.100.100.100 -p udp --dport 53 -j RETURN" in line for line in rules), rules
    assert rules[-1].endswith("-j DROP"), "whatever else goes to members is dropped"
    assert text.index("--dport 9100") < text.index("-s 172.30.64.0/24 ! -d"), "before the network is closed"
    assert () == calling.hosts["ai"].ways.mesh_calls
    assert "tailscale0 -s" not in restore(hub.rules, 6, hub.ways), "members have IPv4 addresses alone"
    order = [text.index(part) for part in ("--dport 9100", "-i br-+ -d 100.64.0.0/10 -j DROP", "-i br-+ -j RETURN")]
    assert sorted(order) == order, "by the mesh or not at all: no member is looked for on the internet"


@pytest.mark.req("S5-14", "S5-63")
def test_members_are_found_by_their_names_in_the_mesh(calling):
    blueprint = calling.blueprint
    text = caddyfile(blueprint.seen_by(blueprint.service("hub-caddy")))
    found = {name: container_spec(blueprint, blueprint.service(name)).resolvers for name in ("asks", "silent", "caddy")}

    assert "dynamic a ai.mesh.example.com 443 {\n" in text, text
    assert "resolvers 100.100.100.100" in text, "the mesh's own name server: nobody else knows its members"
    assert {"asks": ("100.100.100.100",), "silent": (), "caddy": ()} == found


@pytest.mark.req("S5-14")
def test_a_role_stands_for_the_member_that_has_it(planned):
    texts = planned(hosts={"brain": HOSTS["ai"], "hub": HOSTS["hub"]}).blueprint.texts()

    assert "brain.mesh.example.com" == texts["mesh:ai"] == texts["mesh:brain"], "a user calls his hosts as he likes"


@pytest.mark.req("S5-10")
def test_a_program_for_members_and_stun_are_open_where_they_are_asked_for(calling):
    ai, hub = calling.hosts["ai"], calling.hosts["hub"]

    assert [9100] == [rule.opening.port for rule in ai.rules if rule.via == MESH and rule.opening.purpose == "metrics"]
    assert 9100 not in [opening.port for opening in ai.openings], "for members alone"
    stun = [(opening.port, opening.protocol) for opening in hub.openings if opening.purpose == "STUN"]
    assert [(3478, "udp")] == stun, "members behind a router learn by it where the world sees them"
    assert [True] == [rule.published for rule in hub.rules if rule.opening.port == 3478], "a container answers there"
    assert [] == [opening for opening in ai.openings if opening.purpose == "STUN"]


@pytest.mark.req("S5-60", "S5-64")
def test_names_for_members_lead_into_the_mesh_and_the_others_to_their_hosts(calling):
    found = {item.name: (item.host, item.member) for item in records(calling.blueprint, calling.settings)}

    hub = dict.fromkeys(("headscale", "hook", "takes"), ("hub", ""))
    assert {"app": ("ai", "ai"), **hub} == found


@pytest.mark.req("S5-83", "S5-12")
def test_a_route_to_a_program_of_another_member_opens_that_port_to_the_proxys_host_alone(calling):
    blueprint, expected = calling.blueprint, described(calling)["hosts"]
    text = caddyfile(blueprint.seen_by(blueprint.service("hub-caddy"))).partition("https://takes.example.com {")[2]

    assert ["dynamic", "a", "ai.mesh.example.com", "9102", "{"] == text.partition("reverse_proxy {")[2].split()[:5]
    assert "tls" not in text.partition("transport http {")[2].partition("}")[0], "in the mesh, which encrypts itself"
    assert Rule(sources=("tag:hub",), targets=("tag:ai",), ports="9102", protocol="tcp") in blueprint.mesh.rules
    assert 1 == len([rule for rule in blueprint.mesh.rules if rule.ports == "9102"])
    assert [9102] == [
        r.opening.port for r in calling.hosts["ai"].rules if r.opening.purpose == "takes" and r.via == MESH
    ]
    assert 9102 not in expected["ai"]["tcp"], "not to the world"
    assert {"hub": [443, 9100, 9102]} == expected["ai"]["mesh_tcp"], "whoever measures expects the same"
    assert 9102 not in expected["hub"]["mesh_tcp"]["ai"]


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (
            {"upstream": "http://{mesh:ai}:9101"},
            "9101 of ai is no port where a program listens for members; ports: 9100,",
        ),
        ({"upstream": "http://{mesh:ai}:9999"}, "9999 of ai is no port"),
        ({"upstream": "http://{mesh:nas}:9102"}, "leads to another host with the role nas, and no host has it"),
        ({"upstream": "http://{mesh:hub}:9102"}, "leads to another host with the role hub, and hub itself is it"),
        ({"upstream": "https://{mesh:ai}:9102"}, "is no http://{mesh:ROLE}:PORT"),
        ({"upstream": "http://{mesh:ai}"}, "is no http://{mesh:ROLE}:PORT"),
        ({"upstream": "http://{mesh:ai}:9102/x"}, "is no http://{mesh:ROLE}:PORT"),
    ],
)
def test_a_route_that_would_lead_to_no_program_of_a_member_is_refused(calling, change, what):
    *others, takes = calling.blueprint.routes
    said = problems(replace(calling.blueprint, routes=(*others, replace(takes, **change))))

    assert [] == [problem.what for problem in problems(calling.blueprint)]
    assert [True] == [what in problem.what for problem in said], said
    assert all(problem.fix for problem in said)


def test_without_a_mesh_a_route_to_a_member_is_refused_with_what_helps(calling):
    (said,) = problems(replace(calling.blueprint, mesh=None, calls={}, routes=calling.blueprint.routes[-1:]))

    assert ("routes.takes", "leads to ai over the mesh, and there is none") == (said.path, said.what)
    assert "config set --path homeport:settings.mesh.enabled true" in said.fix


def test_an_authoritys_certificates_are_given_to_whoever_asks_the_control_server(build):
    root = f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(bytes((48, 130, 1, 0, *range(256)))).decode()}\n"
    root += "-----END CERTIFICATE-----\n"
    given = {**SETTINGS, "certificates": {"challenge": "http", "authority": "https://192.0.2.9/dir"}}
    given["certificates"]["authority_root"] = root
    graph = build(given, {}, "meshed", stack="prod", meshed=PRESET)
    laid = graph.one("command:local:Command", "mesh-ai-client-files")["inputs"]["stdin"]
    laid = base64.b64decode(laid).decode(errors="replace")

    assert "authority.pem" in laid and "SSL_CERT_FILE" in laid, "a member trusts the control server's certificate"
