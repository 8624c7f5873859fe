"""A proxy in the host's own network: where it listens, where it finds what is behind it, what the firewall lets in."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from catalog.caddy.service import ON_HOST, SERVICE
from catalog.presets import registry
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.host_program import HostProgram, ProgramPort
from homeport.model.network import Network
from homeport.model.route import Guard, Route
from homeport.model.service import Limits, Port, Service
from homeport.plan.hosts import plan_hosts
from homeport.render.caddy import caddyfile, first
from homeport.render.netfilter import restore
from homeport.render.ufw import user_rules
from homeport.settings.load import Configuration, load

APP = Service(
    name="app",
    image="app:1",
    purpose="Answers",
    limits=Limits(memory=64),
    networks=("inner",),
    ports=(Port(name="http", inside=80, outside=5678, at="here"),),
)
ROUTE = Route(name="app", service="app", port=80, guards=(Guard(kind="open", because="a test"),), here=8001)
BLUEPRINT = Blueprint(
    preset="p",
    environment="prod",
    domain="example.com",
    services=(ON_HOST, APP),
    networks=(),
    routes=(ROUTE,),
    edge=Edge(bind="192.0.2.10", ports={"http": 80, "https": 443}, public=True),
)


@pytest.mark.req("S1-31", "S1-33")
def test_it_listens_at_the_edge_alone_and_finds_services_at_the_loopback_address():
    lines = [line.strip() for line in caddyfile(BLUEPRINT).splitlines()]

    assert {"http_port 80", "https_port 443", "default_bind 192.0.2.10"} <= {*lines}, "the settings' address and ports"
    assert "reverse_proxy 127.0.0.1:5678 {" in lines, "where the service's port is published, not the port inside"
    assert ["bind 127.0.0.1"] == [line for line in lines if line.startswith("bind ")], "of what it opens besides, all"


@pytest.mark.req("S1-30")
def test_a_public_name_gets_its_certificate_from_the_public_authority_and_http_leads_to_it():
    public = caddyfile(replace(BLUEPRINT, edge=replace(BLUEPRINT.edge, acme_email="admin@example.com")))

    assert "local_certs" not in public, "Caddy's own way to a certificate: ACME, with Let's Encrypt first"
    assert "email admin@example.com" in public
    assert "http://app.example.com {\n\tredir https://app.example.com{uri} permanent\n}" in public
    assert "local_certs" in caddyfile(replace(BLUEPRINT, edge=replace(BLUEPRINT.edge, public=False)))


def test_a_route_by_port_alone_is_for_this_machine():
    here = replace(BLUEPRINT, exposure="local")

    assert "http://:8001 {\n\tbind 127.0.0.1\n" in caddyfile(here), "the edge's address is for host names"


@pytest.mark.req("S1-33")
def test_without_routes_it_listens_for_its_health_check_alone():
    assert ":80" not in first(host_network=True), "the address and the ports that are its own come with its routes"
    assert "http:// {" in first(), "in a network of its own they are nobody else's"


@pytest.mark.req("S1-33")
def test_in_a_network_of_its_own_it_finds_services_by_their_names():
    inside = replace(BLUEPRINT, services=(replace(SERVICE, networks=("inner",)), APP))
    text = caddyfile(inside)

    assert "reverse_proxy app:80 {" in text
    assert "default_bind" not in text


def prod(**settings):
    values = {
        "homeport:preset": "ai-orchestrator",
        "homeport:settings": json.dumps(
            {
                "environment": "prod",
                "exposure": "direct",
                "domain": "example.com",
                "hosts": {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}},
                **settings,
            }
        ),
    }
    loaded = load(
        Configuration("prod", values, frozenset()), None, defaults=registry.defaults, declared=registry.declared()
    )
    return loaded.settings


@pytest.mark.req("S1-06", "S1-09", "S1-10")
def test_both_firewalls_let_strangers_in_to_ssh_and_to_a_proxy_of_the_host_alone():
    host = plan_hosts("prod", prod(), replace(BLUEPRINT, homes={"caddy": "main", "app": "main"}))["main"]

    wanted = [("SSH", 22), ("HTTP", 80), ("HTTPS", 443)]
    assert wanted == [(opening.purpose, opening.port) for opening in host.openings], "the cloud's, and the host's"
    assert [False] * 3 == [rule.published for rule in host.rules], "nothing of it is forwarded to a container"
    text = restore(host.rules, 4, host.ways)
    for port in (22, 80, 443):
        assert f"-A HOMEPORT-INPUT -p tcp --dport {port} -j RETURN" in text
        assert f"-A ufw-user-input -p tcp --dport {port} -j ACCEPT" in user_rules(host.rules, 4)
    assert "ctorigdstport" not in text, "no port that a container publishes is anybody's"


@pytest.mark.req("S1-10")
def test_a_proxy_in_a_network_of_its_own_is_forwarded_to_as_before():
    inside = replace(BLUEPRINT, services=(replace(SERVICE, networks=("inner",)), APP))
    host = plan_hosts("prod", prod(), replace(inside, homes={"caddy": "main", "app": "main"}))["main"]

    assert {"HTTP", "HTTPS"} == {rule.opening.purpose for rule in host.rules if rule.published}


@pytest.mark.req("S1-35")
def test_sshd_forwards_a_port_on_the_host_where_a_service_publishes_it():
    blueprint = replace(BLUEPRINT, homes={"caddy": "main", "app": "main"})
    asked = prod(ssh={"forward": 5678})

    assert 5678 == plan_hosts("prod", asked, blueprint)["main"].forward
    without = replace(blueprint, services=(ON_HOST,), resting=(APP,))
    assert 0 == plan_hosts("prod", asked, without)["main"].forward, "of a service that is off nothing is forwarded"
    assert 0 == plan_hosts("prod", prod(), blueprint)["main"].forward, "nor where nobody asks for it"


@pytest.mark.req("S1-08")
def test_a_port_of_a_host_program_is_for_the_presets_own_networks_in_ipv4_and_for_no_app():
    own, app = Network(name="inner", subnet="10.1.0.0/24"), Network(name="app-mine", subnet="10.208.0.0/28")
    asks = replace(APP, name="mine", networks=("app-mine",), ports=())
    agent = HostProgram(
        name="agent", purpose="Listens", files=(), ports=(ProgramPort(number=9000, reachable=("inner",)),)
    )
    homes = dict.fromkeys(("caddy", "app", "mine"), "main")
    blueprint = replace(BLUEPRINT, services=(ON_HOST, APP, asks), networks=(own, app), homes=homes, programs=(agent,))
    settings = prod(apps={"mine": {"image": "mine:1", "waivers": {"health": "it only waits for work"}}})
    host = plan_hosts("prod", settings, blueprint)["main"]

    assert "-A HOMEPORT-INPUT -i br-+ -p tcp --dport 9000 -s 10.1.0.0/24 -j RETURN" in restore(host.rules, 4, host.ways)
    for text in (restore(host.rules, 4, host.ways), restore(host.rules, 6, host.ways), user_rules(host.rules, 6)):
        assert 1 >= text.count("9000"), "once, where the subnet is"
        assert "10.208." not in text, "an own service has no word with the host's programs"
    assert "9000" not in restore(host.rules, 6, host.ways), "no network of a preset has IPv6"
    assert [22, 80, 443] == [opening.port for opening in host.openings], "the cloud's firewall knows nothing of it"
    apart = replace(blueprint, services=(ON_HOST, asks))
    alone = plan_hosts("prod", settings, apart)["main"]
    assert "9000" not in restore(alone.rules, 4, alone.ways), "where no network of the preset is, nobody comes"
