"""The preset jett as data: what the description asks for, and what its workflows may and may not do."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

import pytest

from catalog.presets.jett.preset import PRESET
from homeport.model.blueprint import Blueprint, Edge
from homeport.model.check import check
from homeport.model.errors import BlueprintError
from homeport.model.service import PublishedPort
from homeport.model.vpn import Peer, Vpn
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from rehearsal.claims.expected import expected

FILES = Path(__file__).resolve().parents[3] / "catalog" / "presets" / "jett"
EXPECTED = expected("jett").services
"""By hand from the system's description: what the claims ask of the real host."""
FLOWS = {path.stem: json.loads(path.read_text()) for path in sorted((FILES / "n8n" / "workflows").glob("*.json"))}
SQL = "".join(path.read_text() for path in sorted((FILES / "postgres" / "migrations").glob("*.sql")))
DOORS = {
    "11_heartbeat": ("heartbeat", "none"),
    "12_request_ingest": ("request", "headerAuth"),
    "13_queue_claim": ("queue/claim", "headerAuth"),
    "14_queue_ack": ("queue/ack", "headerAuth"),
    "15_queue_fail": ("queue/fail", "headerAuth"),
}
ALLOWED = {"webhook", "set", "if", "respondToWebhook", "postgres", "httpRequest", "scheduleTrigger"}


@pytest.fixture
def production():
    """The blueprint behind the VPN and the tunnel, as the preset's own defaults make it."""
    private = PRESET.defaults["wireguard"]
    return Blueprint(
        preset="jett",
        environment="prod",
        domain="example.com",
        services=PRESET.services,
        networks=PRESET.networks,
        routes=PRESET.routes,
        databases=PRESET.databases,
        edge=Edge(bind="127.0.0.1", ports={"http": 8080, "https": 8443}, public=False),
        exposure=PRESET.defaults["exposure"],
        tools=PRESET.tools,
        calls=PRESET.calls,
        vpn=Vpn(
            subnet=private["subnet"],
            slot=private["slot"],
            peers=tuple(Peer(name=name, **peer) for name, peer in private["peers"].items()),
        ),
        values={name: option.default for name, option in PRESET.options.items()},
    )


def nodes(kind: str):
    return [
        pytest.param(name, node, id=f"{name}:{node['name']}")
        for name, flow in FLOWS.items()
        for node in flow["nodes"]
        if node["type"] == f"n8n-nodes-base.{kind}"
    ]


def followers(flow: dict, name: str, output: int | None = None) -> list[str]:
    outputs = flow["connections"].get(name, {"main": []})["main"]
    chosen = outputs if output is None else outputs[output : output + 1]
    return [link["node"] for links in chosen for link in links]


@pytest.mark.req("S2-02")
def test_only_the_described_services_are_on_the_server():
    names = {service.name for service in PRESET.services}

    assert {"n8n", "postgres", "qdrant", "portainer"} <= names, "what the system is made of"
    assert EXPECTED.keys() == names, (
        "speech, language model and dashboard stay on the local machine: the way there takes too long"
    )


@pytest.mark.req("S2-23", "S2-44")
def test_every_port_is_on_the_servers_vpn_address(production):
    published = {service.name: production.published(service) for service in production.services}

    assert {
        name: (PublishedPort(inside=service.port, outside=service.port, address="10.0.0.2", protocol="tcp"),)
        if service.port
        else ()
        for name, service in EXPECTED.items()
    } == published, "members of the VPN alone come to a port"
    assert production == check(production), "and the whole holds together"


@pytest.mark.req("S2-41", "S2-57")
def test_the_tunnel_leads_to_n8n_and_to_the_dashboard_and_nowhere_else(production):
    ways = {production.host(route): production.upstream(route) for route in production.routes}

    assert {
        "n8n.example.com": "http://10.0.0.2:5678",
        "jett.example.com": "http://10.0.0.1:3000",
    } == ways, "localhost would be the wrong machine or the wrong address"


@pytest.mark.req("S2-40")
def test_people_log_in_programs_have_a_token_and_the_local_machines_doors_are_closed_from_outside():
    n8n, dashboard = PRESET.routes

    assert [
        ("closed", ("/webhook/heartbeat", "/webhook/queue/*")),
        ("service-token", ("/webhook/*",)),
        ("login", ()),
    ] == [(guard.kind, guard.paths) for guard in n8n.guards]
    assert ["login"] == [guard.kind for guard in dashboard.guards]


@pytest.mark.req("S2-27")
def test_the_one_container_of_root_says_why_and_no_other_is_weakened():
    weak = {service.name: set(service.waivers) for service in PRESET.services if service.waivers}
    kept = {service.name: set(service.capabilities) for service in PRESET.services if service.capabilities}

    assert "root" in weak["portainer"], "it must open the Docker socket"
    assert {name for name, service in EXPECTED.items() if service.root_because} == {
        name for name, waived in weak.items() if "root" in waived
    }, "no other may be root"
    assert {name for name, service in EXPECTED.items() if service.health == "running"} == {
        name for name, waived in weak.items() if "health" in waived
    }, "every other one can say how it is"
    assert {
        name: {f"CAP_{capability}" for capability in service.capabilities}
        for name, service in EXPECTED.items()
        if service.capabilities
    } == kept, "what is not asked for is dropped"


@pytest.mark.req("AT-04", "AT-08")
def test_databases_are_on_a_network_without_a_way_out_and_portainer_is_on_nobody_elses(production):
    on = {service.name: service.networks for service in production.services}
    closed = {network.name for network in production.networks if not network.way_out}

    assert {"jett_default"} == closed
    assert ("jett_default",) == on["postgres"] == on["qdrant"], "no route leads anywhere else"
    assert [] == [name for name, nets in on.items() if name != "portainer" and set(nets) & set(on["portainer"])]
    turned = replace(production, networks=tuple(replace(net, way_out=not net.way_out) for net in production.networks))
    with pytest.raises(Exception, match="leaves by jett_apps, which has no way out"):
        check(turned)


@pytest.mark.req("AT-04")
@pytest.mark.parametrize(
    ("handler", "ports", "calls"),
    [
        ("", (), {("10.0.0.1", 8377)}),
        ("http://10.0.0.1:9100/in", (), {("10.0.0.1", 9100)}),
        ("https://10.0.0.1/in", (8123,), {("10.0.0.1", 443), ("10.0.0.1", 8123)}),
        ("http://handler.example.com/in", (), set()),
    ],
)
def test_containers_may_call_the_handler_and_what_the_settings_name_of_a_member(production, handler, ports, calls):
    (local,) = production.vpn.peers
    asked = replace(
        production,
        vpn=replace(production.vpn, peers=(replace(local, ports=ports),)),
        values={**production.values, "handler-url": handler},
    )

    assert calls == set(asked.member_calls())
    assert {call for call in calls if call[1] == 8123} == set(asked.without(frozenset({"n8n"})).member_calls()), (
        "nobody is there to call the handler"
    )


def test_postgresqls_superuser_does_not_log_in_over_the_network():
    lines = [line.split() for line in (FILES / "postgres" / "pg_hba.conf").read_text().splitlines()]
    network = [(line[1], line[2], line[-1]) for line in lines if line and line[0] == "host"]

    assert ("all", "postgres", "reject") == network[0], "the first line that fits decides"
    assert ("jett", "jett", "reject") == network[1], "sameuser would let in a superuser whose name is the database's"
    assert {("sameuser", "all", "scram-sha-256"), ("jett", "jett_app", "scram-sha-256")} == {*network[2:]}


@pytest.mark.req("S2-53")
def test_no_environment_names_a_secret():
    secrets = {name for service in PRESET.services for file in service.secret_files for name in file.secrets}
    env = " ".join(value for service in PRESET.services for value in service.env.values())

    assert {"n8n-owner-password", "postgres-password", "portainer-admin-password", "n8n-encryption-key"} <= secrets
    assert [] == [name for name in secrets if f"{{{name}}}" in env]


@pytest.mark.req("CA-09", "CA-10", "CF-11", "CF-12")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n8n-user", "admin"),
        ("postgres-user", "n8n"),
        ("postgres-user", "Jett"),
        ("qdrant-distance", "cosine"),
        ("qdrant-size", "0"),
        ("qdrant-collection", "../x"),
        ("qdrant-size", "65537"),
        ("qdrant-size", "70000"),
        ("qdrant-size", "0768"),
        ("postgres-user", "pg_admin"),
        ("postgres-user", "pg_"),
        ("postgres-user", "public"),
        ("postgres-user", "none"),
        ("postgres-user", "p" * 64),
        ("n8n-user", "jane@"),
        ("n8n-user", "jane..doe@example.com"),
        ("n8n-user", "jane@example..com"),
        ("handler-url", "http://169.254.169.254/latest"),
        ("handler-url", "http://[fe80::1]/"),
        ("handler-url", "http://metadata.google.internal/"),
        ("handler-url", "http://:::99999"),
        ("handler-url", "http://10.0.0.1:99999/"),
        ("handler-url", "http://a..b.example.com/"),
        ("handler-url", "http://0.0.0.0/"),
        ("missed-beats", "0"),
        ("handler-url", "file:///x"),
        ("handler-url", "http://x/'; DROP"),
        ("notify-url", "http://169.254.169.254/latest"),
        ("notify-url", "news.example.com"),
    ],
)
def test_an_option_refuses_what_would_break_later(name, value):
    raw = {"homeport:preset": "jett", "homeport:settings": json.dumps({"options": {name: value}})}
    with pytest.raises(BlueprintError) as refusal:
        resolve(Configuration("dev", raw), sealed=True)

    assert [f"homeport:settings.options.{name}"] == [problem.path for problem in refusal.value.problems]
    assert refusal.value.problems[0].fix.startswith("Run: bin/homeport pulumi config rm"), (
        "the default is one of its own"
    )


@pytest.mark.req("CA-09", "CA-10", "CF-11", "CF-12")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("n8n-user", "o'brien@example.com"),
        ("n8n-user", "Jane+n8n@Example.com"),
        ("postgres-user", "public_user"),
        ("postgres-user", "p" * 63),
        ("qdrant-size", "65536"),
        ("handler-url", ""),
        ("handler-url", "http://10.0.0.1:8377/handle"),
        ("notify-url", "https://news.example.com/jett"),
    ],
)
def test_an_option_takes_what_works(name, value):
    raw = {"homeport:preset": "jett", "homeport:settings": json.dumps({"options": {name: value}})}
    values = resolve(Configuration("dev", raw), sealed=True).blueprint.values

    assert value.lower() == values[name].lower(), "what was said is what is meant"


def test_a_service_needs_no_more_networks_than_there_are(production):
    assert {network.name for network in PRESET.networks} == {
        name for service in PRESET.services for name in service.networks
    }
    assert production.waves()[-1] == (production.service("n8n"),), (
        "n8n comes last: it needs the database and the vectors"
    )
    with pytest.raises(Exception, match="not part of this stack"):
        check(replace(production, services=tuple(one for one in production.services if one.name != "qdrant")))


@pytest.mark.req("S2-46", "FP-07")
@pytest.mark.parametrize("name", DOORS)
def test_each_door_is_active_and_asks_for_the_key_but_the_heartbeat(name):
    flow, (path, authentication) = FLOWS[name], DOORS[name]
    (webhook,) = [node for node in flow["nodes"] if node["type"].endswith(".webhook")]

    assert ("POST", path, authentication, "responseNode") == tuple(
        webhook["parameters"][key] for key in ("httpMethod", "path", "authentication", "responseMode")
    )
    assert flow["active"] is True
    if authentication == "headerAuth":
        assert "hpWebhookApiKey1" == webhook["credentials"]["httpHeaderAuth"]["id"]


@pytest.mark.req("AT-03", "AT-06")
def test_every_webhook_that_is_closed_to_the_tunnel_asks_in_its_workflow_whence_it_was_called():
    (closed,) = [guard.paths for guard in PRESET.routes[0].guards if guard.kind == "closed"]
    doors = [name for name, (path, _) in DOORS.items() if any(fnmatch(f"/webhook/{path}", one) for one in closed)]
    checks = {
        name: node["parameters"]["assignments"]["assignments"][0]["value"]
        for name in doors
        for node in FLOWS[name]["nodes"]
        if node["name"] == "Check"
    }

    assert {"11_heartbeat", "13_queue_claim", "14_queue_ack", "15_queue_fail"} == set(checks)
    for name, check_ in checks.items():
        assert "name.startsWith('cf-') || name === 'cdn-loop'" in check_, f"{name}: what the edge adds to every request"


def test_the_health_check_asks_for_every_door_with_a_key():
    asked = {service.name: service for service in PRESET.services}["n8n"].env["HOMEPORT_WEBHOOKS"].split()

    assert [path for path, authentication in DOORS.values() if authentication == "headerAuth"] == asked


@pytest.mark.req("S2-47", "FP-07")
def test_monitor_and_maintenance_run_every_minute_and_on_nothing_else():
    timed = {name for name, flow in FLOWS.items() if any("scheduleTrigger" in node["type"] for node in flow["nodes"])}

    assert {"16_heartbeat_monitor", "17_queue_maintenance"} == timed == set(FLOWS) - set(DOORS)


@pytest.mark.req("S2-47", "FP-07")
def test_unless_the_settings_say_otherwise_three_minutes_make_offline_five_tries_dead_and_nobody_is_told(production):
    usual, variables = production.values, dict(production.databases[0].variables)

    assert 180 == int(usual["heartbeat-seconds"]) * int(usual["missed-beats"])
    assert ("5", "") == (usual["queue-attempts"], usual["notify-url"])
    assert {
        "beat_seconds": "{heartbeat-seconds}",
        "missed_beats": "{missed-beats}",
        "queue_attempts": "{queue-attempts}",
        "notify": "{notify-url}",
    }.items() <= variables.items(), "the schema gets them at every update"


@pytest.mark.parametrize("name", FLOWS)
def test_a_workflow_runs_no_code_keeps_no_record_and_has_credentials_that_are_provided(name):
    flow = FLOWS[name]
    provided = {credential["id"] for credential in json.loads((FILES / "n8n" / "credentials.json").read_text())}
    named = {one["id"] for node in flow["nodes"] for one in node.get("credentials", {}).values()}

    assert set() == {node["type"].removeprefix("n8n-nodes-base.") for node in flow["nodes"]} - ALLOWED
    assert ("none", "none", False) == tuple(
        flow["settings"][key] for key in ("saveDataErrorExecution", "saveDataSuccessExecution", "saveManualExecutions")
    ), "a record would hold the key and what callers said"
    assert named <= provided


@pytest.mark.parametrize("name", DOORS)
def test_every_way_through_a_door_ends_in_an_answer(name):
    flow = FLOWS[name]
    answers = {node["name"] for node in flow["nodes"] if node["type"].endswith(".respondToWebhook")}
    reached, waiting = set(), ["Webhook"]
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting += followers(flow, one)

    assert {node["name"] for node in flow["nodes"]} == reached, "every node can be reached, and none is named twice"
    for one in reached - answers:
        assert followers(flow, one, 0), f"{one} leads nowhere"
    for node in flow["nodes"]:
        if node.get("onError") == "continueErrorOutput":
            assert followers(flow, node["name"], 1), f"the failure of {node['name']} has an answer too"


@pytest.mark.parametrize(("name", "node"), nodes("postgres"))
def test_statements_are_fixed_texts_that_call_granted_functions_with_parameters(name, node):
    query = node["parameters"]["query"]
    called = re.findall(r"public\.(\w+)\(", query)
    granted = SQL[SQL.index("GRANT EXECUTE") :]

    assert not query.startswith("="), "the statement is no expression"
    assert "{{" not in query
    assert called, f"{name} calls a function"
    assert [] == [
        function
        for function in called
        if f"CREATE FUNCTION public.{function}(" not in SQL or f"public.{function}(" not in granted
    ]
    assert ("$1" in query) == ("queryReplacement" in node["parameters"]["options"]), "values come as parameters"


def test_every_function_of_the_queue_is_closed_to_all_but_the_application():
    created = set(re.findall(r"CREATE FUNCTION public\.(\w+)\(", SQL))
    revoked = "".join(re.findall(r"REVOKE ALL ON FUNCTION .*? FROM PUBLIC;", SQL, re.DOTALL))
    bodies = re.findall(r"CREATE FUNCTION public\.\w+\(.*?\nAS ", SQL, re.DOTALL)

    assert created == set(re.findall(r"public\.(\w+)\(", revoked))
    assert all("SET search_path = pg_catalog, public, pg_temp" in body for body in bodies), "of a SECURITY DEFINER"
    assert len(created) == len(bodies)
