"""The preset vpai as data: what its description asks for, in dev, preprod and prod."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
import yaml

from catalog.presets.vpai import preset as module
from catalog.presets.vpai.preset import PRESET
from homeport.model import template
from homeport.model.container import container_spec
from homeport.model.errors import BlueprintError, ProblemsError
from homeport.model.firewall import CONTAINERS, MESH
from homeport.model.mesh import RESOLVER
from homeport.plan import zone
from homeport.plan.resolve import resolve
from homeport.render.caddy import caddyfile
from homeport.render.files import service_files
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT
from tests.support.one_machine import supplied
from tests.unit.stack.test_graph import VPAI

TRIED = {"placeholders": {"reason": "only tried in a test", "expires": "2027-01-31"}}
PREPROD = {
    "environment": "preprod",
    "domain": "preprod.example.com",
    "hosts": {
        "preprod": {
            "mode": "create",
            "server_type": "cx43",
            "location": "fsn1",
            "image": "ubuntu-24.04",
            "roles": ["ai", "preprod", "vpn"],
        }
    },
}
STACKS = {"dev": {}, "preprod": PREPROD, "prod": VPAI}
AI = {
    *(
        "alloy",
        "budget-guard",
        "cadvisor",
        "caddy",
        "grafana",
        "litellm",
        "loki",
        "n8n",
        "nocodb",
        "openclaw",
        "openclaw-sandbox",
        "postgresql",
    ),
    *("qdrant", "redis", "sure", "sure-worker", "victoriametrics", "zerobyte"),
}
VPN = {"couchdb", "headscale", "hub-caddy", "uptime-kuma"}
MEMBERS = {"grafana", "litellm", "n8n", "nocodb", "openclaw", "qdrant", "sure", "uptime", "zerobyte"}


def configuration(stack="prod", secrets=(), **settings):
    waivers = {} if stack == "dev" else {"waivers": TRIED}
    values = {
        "homeport:preset": PRESET.name,
        "homeport:settings": json.dumps({**STACKS[stack], **waivers, **settings}),
        **dict(secrets),
    }
    return Configuration(stack, values, frozenset(dict(secrets)))


def documented():
    """The stacks of docs/vpai.md, by name."""
    page = (ROOT / "docs/vpai.md").read_text()
    blocks = re.findall(r"^```yaml\n# Pulumi\.(\w+)\.yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    return {stack: yaml.safe_load(text)["config"] for stack, text in blocks}


def planned(stack="prod", **settings):
    return resolve(configuration(stack, **settings), sealed=True)


@pytest.fixture(scope="module")
def plans():
    return {stack: planned(stack) for stack in STACKS}


@pytest.fixture(scope="module")
def prod(plans):
    return plans["prod"]


def services(plan, host):
    return {service.name: service for service in plan.hosts[host].services}


def spec(plan, name):
    return container_spec(plan.blueprint, plan.blueprint.service(name))


def on(plan, network):
    return {service.name for service in plan.blueprint.services if network in service.networks}


@pytest.mark.req("S5-01", "S5-02", "S5-95", "S5-96")
def test_each_host_has_what_its_role_is_for(prod):
    placed = {name: set(services(prod, name)) for name in prod.hosts}

    assert {"ai": AI, "vpn": VPN, "workstation": set(), "app": set()} == placed
    assert {"ai", "vpn", "workstation"} == {n for n, host in prod.hosts.items() if host.machine.mode == "adopt"}
    assert {"app", "preprod", "workstation"} == set(PRESET.roles), "and the two that have services"
    public = {name: sorted((o.port, o.protocol) for o in host.openings) for name, host in prod.hosts.items()}
    assert [(22, "tcp"), (41641, "udp")] == public["workstation"] == public["app"], "no service of theirs is public"


@pytest.mark.req("S5-03", "S5-04")
def test_the_two_that_are_rented_are_ubuntu_at_falkenstein(plans):
    rented = [plans["prod"].hosts["app"].machine, plans["preprod"].hosts["preprod"].machine]

    assert {("create", "ubuntu-24.04", "fsn1")} == {(each.mode, each.image, each.location) for each in rented}
    assert "cx22" == rented[0].server_type, "the type is a setting: whatever Hetzner sells by then"
    assert AI | VPN - {"hub-caddy"} == set(services(plans["preprod"], "preprod")), "one machine for a test has it all"
    assert plans["preprod"].hosts["preprod"].protect is False, "and goes when the test is over"


def test_dev_is_this_machine_with_everything_but_the_mesh(plans):
    dev = plans["dev"]

    assert dev.local and dev.blueprint.mesh is None
    assert AI | VPN - {"headscale", "hub-caddy"} == set(services(dev, "main"))
    published = {port.address for service in dev.blueprint.services for port in dev.blueprint.published(service)}
    assert {"127.0.0.1"} == published, "nobody else reaches it"
    assert {route.name for route in dev.blueprint.routes} == MEMBERS | {"couchdb"}, "each at a port of its own"
    assert len({route.here for route in dev.blueprint.routes}) == len(dev.blueprint.routes)


@pytest.mark.req("S5-15", "S5-16", "S5-17", "S5-18", "S5-19")
def test_the_five_networks_have_their_subnets_members_and_isolation(prod):
    networks = {network.name: (network.subnet, network.internal) for network in prod.hosts["ai"].networks}

    assert {
        "frontend": ("172.20.1.0/24", False),
        "backend": ("172.20.2.0/24", True),
        "monitoring": ("172.20.3.0/24", True),
        "egress": ("172.20.4.0/24", False),
        "sandbox": ("172.20.5.0/24", True),
    } == networks
    data = {"litellm", "n8n", "nocodb", "openclaw", "postgresql", "qdrant", "redis", "sure", "sure-worker"}
    assert data | {"budget-guard", "caddy", "zerobyte"} == on(prod, "backend"), "the proxy for the pages of these"
    assert {"alloy", "cadvisor", "grafana", "loki", "victoriametrics"} == on(prod, "monitoring")
    assert {"openclaw", "openclaw-sandbox"} == on(prod, "sandbox"), "the gateway comes to it"
    calling = {"n8n", "litellm", "openclaw"}
    # To S3; for prices and statements; to hosts of the mesh; to Telegram (docs/vpai.md).
    besides = {"nocodb", "zerobyte", "sure-worker", "alloy", "budget-guard"}
    assert calling | besides == on(prod, "egress")


@pytest.mark.req("S5-21", "S5-91")
def test_the_proxy_and_grafana_alone_are_on_frontend_and_only_the_proxy_publishes_ports(prod):
    here = services(prod, "ai")

    assert {"caddy", "grafana"} == {name for name in here if "frontend" in here[name].networks}
    assert ("frontend", "backend") == here["caddy"].networks
    ports = {name: {port.outside for port in prod.blueprint.published(here[name])} for name in here}
    assert {"caddy": {80, 443}} == {name: numbers for name, numbers in ports.items() if numbers}


@pytest.mark.req("S5-09", "S5-10", "S5-11")
def test_each_host_lets_in_the_web_the_mesh_and_ssh_and_nothing_else(prod):
    web = {(80, "tcp"), (443, "tcp")}
    always = {(22, "tcp"), (41641, "udp")}
    openings = {name: {(o.port, o.protocol) for o in host.openings} for name, host in prod.hosts.items()}

    assert {"ai": always | web, "app": always, "workstation": always} == {
        name: seen for name, seen in openings.items() if name != "vpn"
    }
    assert always | web <= openings["vpn"] <= always | web | {(3478, "udp")}, "the control server is behind 443"
    for host in prod.hosts.values():
        by_mesh = {rule.opening.port for rule in host.rules if rule.via == MESH}
        assert {22, 9100} == by_mesh, f"{host.name}: SSH and its metrics, for members"


def test_the_application_host_serves_at_the_ports_that_its_owner_opens_and_no_other_host_does(prod):
    asked = {**STACKS["prod"]["hosts"], "app": {**STACKS["prod"]["hosts"]["app"], "open": ["80/tcp", "443/tcp"]}}
    plan = planned(hosts=asked)

    for name, host in plan.hosts.items():
        more = {(o.port, o.protocol) for o in host.openings} - {(o.port, o.protocol) for o in prod.hosts[name].openings}
        assert ({(80, "tcp"), (443, "tcp")} if name == "app" else set()) == more, name
    assert prod.blueprint.mesh.rules == plan.blueprint.mesh.rules, "members come to no more than before"


@pytest.mark.req("S5-60", "S5-61", "S5-92")
def test_pages_are_for_members_by_exactly_two_networks(plans):
    for plan in plans.values():
        for proxy in plan.blueprint.proxies:
            text = caddyfile(plan.blueprint.seen_by(proxy))
            lists = set(re.findall(r"remote_ip (.*)", text))
            assert lists <= {"100.64.0.0/10 172.20.1.0/24"}, "the mesh, and the proxy's own network"
    prod = plans["prod"].blueprint
    kinds = {route.name: {guard.kind for guard in route.guards} for route in prod.routes}
    assert MEMBERS == {name for name, kind in kinds.items() if kind == {"members"}}
    assert {"couchdb", "headscale", "hook"} == set(kinds) - MEMBERS, "what strangers reach asks for itself"
    assert not [route.name for route in prod.routes if route.name in MEMBERS and route.health], "no path is open"


@pytest.mark.req("S5-61")
@pytest.mark.parametrize("networks", [("{mesh}",), ("{subnet:frontend}",)])
def test_a_page_with_one_network_alone_is_refused(networks, monkeypatch):
    first = PRESET.routes[0]
    broken = replace(first, guards=(replace(first.guards[0], networks=networks),))
    monkeypatch.setattr(module, "PRESET", replace(PRESET, routes=(broken, *PRESET.routes[1:])))
    with pytest.raises(ProblemsError, match="two networks at least"):
        planned()


@pytest.mark.req("S5-62", "S5-63", "S5-64", "S5-65")
def test_webhooks_of_strangers_come_by_the_relay_and_every_name_has_its_record(prod):
    hook = next(route for route in prod.blueprint.routes if route.name == "hook")

    assert ("hub-caddy", "n8n", "{mesh:ai}:443") == (hook.proxy, hook.relay.route, hook.relay.to)
    assert [("open", ("/webhook/*",)), ("closed", ())] == [(guard.kind, guard.paths) for guard in hook.guards]
    names = {record.hostname: record for record in zone.records(prod.blueprint, prod.settings)}
    assert ("A", "vpn") == (names["hook.example.com"].kind, names["hook.example.com"].host), "the VPN host's"
    assert {prod.blueprint.host(route) for route in prod.blueprint.routes} <= set(names)
    assert ("ovh", "ovh") == (prod.settings.dns.provider, prod.settings.certificates.challenge)


@pytest.mark.req("S5-12", "S5-14")
def test_members_are_called_by_who_is_declared_to_and_by_the_network_that_it_leaves_by(prod):
    subnets = {network.subnet: network.name for network in prod.blueprint.networks}
    found = {name: {(subnets[net], port) for net, port in host.ways.mesh_calls} for name, host in prod.hosts.items()}
    seen = {
        name: container_spec(prod.blueprint, prod.blueprint.service(name)).resolvers for name in ("alloy", "grafana")
    }

    assert {("frontend", 443), ("egress", 9100)} == found["ai"], "Grafana's heartbeat; Alloy"
    assert {("frontend", 443), ("watch", 443)} == found["vpn"], "the relay; Uptime Kuma, at the pages of the AI host"
    assert (set(), set()) == (found["app"], found["workstation"])
    assert {"alloy": (RESOLVER,), "grafana": ()} == seen, "a page's name is everybody's, a member's the mesh's"


AUTOFIX = {"autofix": {"repositories": "alice/platform alice/other", "tests": "make test"}}


@pytest.mark.req("S5-83", "S5-95", "FP-19")
def test_auto_fix_is_on_the_workstation_and_githubs_webhook_leads_there(prod):
    plan = planned(**AUTOFIX)
    route = next(route for route in plan.blueprint.routes if route.name == "autofix")

    assert {"workstation"} == {n for n, host in plan.hosts.items() if "auto-fix" in {p.name for p in host.programs}}
    assert [("open", ("/webhooks/github",)), ("closed", ())] == [(guard.kind, guard.paths) for guard in route.guards]
    assert ("hub-caddy", "http://{mesh:workstation}:9010") == (route.proxy, route.upstream)
    names = {record.hostname: (record.host, record.member) for record in zone.records(plan.blueprint, plan.settings)}
    assert ("vpn", "") == names["autofix.example.com"], "GitHub is no member"
    ways = [(rule.sources, rule.targets) for rule in plan.blueprint.mesh.rules if rule.ports == "9010"]
    assert [(("tag:vpn",), ("tag:workstation",))] == ways, "one host comes to that port"
    for name, host in plan.hosts.items():
        opened = [rule.via for rule in host.rules if rule.opening.port == 9010]
        assert ([MESH] if name == "workstation" else []) == opened, name
        assert prod.hosts[name].openings == host.openings, "nothing more is public"
    [subnet] = {subnet for subnet, port in plan.hosts["vpn"].ways.mesh_calls if port == 9010}
    [network] = [network.name for network in plan.blueprint.networks if network.subnet == subnet]
    on_it = [service.name for service in plan.hosts["vpn"].services if network in service.networks]
    assert ["hub-caddy"] == on_it, "of that host's containers the proxy alone"
    policies = {name: spec.policy for name, spec in plan.secrets.items() if name not in prod.secrets}
    supplied_ones = dict.fromkeys(("auto-fix-agent-key", "auto-fix-github-token"), "supplied")
    assert {"github-webhook-secret": "generated", **supplied_ones} == policies


@pytest.mark.req("S5-83")
def test_without_its_section_nothing_of_auto_fix_is_there(plans):
    for stack, plan in plans.items():
        assert "auto-fix" not in {program.name for program in plan.blueprint.programs}, stack
        assert "autofix" not in {route.name for route in plan.blueprint.routes}, stack
        assert not [name for name in plan.secrets if "auto-fix" in name or "github" in name], stack
        assert not [line for line in plan.blueprint.skipped if "auto-fix" in line], stack
    for stack in ("dev", "preprod"):
        without = planned(stack, **AUTOFIX).blueprint
        assert [line for line in without.skipped if line.startswith("auto-fix: ")], f"{stack} says what it lacks"
        assert not [route for route in without.routes if route.name == "autofix"]


@pytest.mark.req("S5-83")
def test_auto_fix_without_a_workstation_or_with_wrong_words_is_refused_with_what_helps():
    hosts = {name: host for name, host in VPAI["hosts"].items() if name != "workstation"}
    with pytest.raises(ProblemsError) as refused:
        planned(hosts=hosts, **AUTOFIX)
    assert "no host has it" in str(refused.value)
    assert "config rm --path homeport:settings.autofix" in str(refused.value)
    with pytest.raises(ProblemsError, match=r"autofix\.repositories: must be 1 to 32 of owner/name"):
        planned(autofix={"repositories": "https://github.com/alice/platform", "tests": "make test"})
    with pytest.raises(ProblemsError, match=r"autofix\.tests: must be a command"):
        planned(autofix={"repositories": "alice/platform", "tests": "'make' test"})


@pytest.mark.req("S5-66", "S5-75")
def test_nothing_of_it_is_cloudflares_and_each_application_has_its_own_login(prod):
    assert ("direct", None) == (prod.blueprint.exposure, prod.settings.cloudflare), "reached by itself alone"
    assert not {guard.kind for route in PRESET.routes for guard in route.guards} & {"login", "service-token"}
    assert {"restic", "tailscale"} == set(PRESET.tools), "no connector of a tunnel"


@pytest.mark.req("S5-22", "S5-24", "S5-27", "S5-47", "S5-50")
def test_images_volumes_and_health_are_as_described(prod):
    versions = {
        "postgresql": "postgres:18.1",
        "redis": "redis:8.0.",
        "qdrant": "qdrant/qdrant:v1.16.3",
        "victoriametrics": "victoriametrics/victoria-metrics:v1.135.0",
        "loki": "grafana/loki:3.6.5",
        "alloy": "grafana/alloy:v1.13.0",
        "cadvisor": "ghcr.io/google/cadvisor:0.55.1",
        "couchdb": "couchdb:3.3.3",
    }
    images = {name: spec(prod, name).image for name in versions}
    assert {} == {name: image for name, image in images.items() if not image.startswith(versions[name])}

    mounted = {
        name: {mount.target for mount in spec(prod, name).mounts if mount.kind == "volume" and not mount.read_only}
        for name in AI
    }
    assert {"/var/lib/postgresql"} == mounted["postgresql"], "from 18 on the folder above the data"
    assert {"/data"} == mounted["redis"] and {"/qdrant/storage"} == mounted["qdrant"]
    assert {"/home/node/.n8n"} == mounted["n8n"]
    postgresql = prod.blueprint.service("postgresql").health
    assert ("pg_isready", 120) == (postgresql.test[0], postgresql.start_period)
    assert "http://127.0.0.1:5678/" in str(prod.blueprint.service("n8n").health.test)


@pytest.mark.req("S5-53")
def test_every_container_is_asked_how_it_is_every_ten_to_thirty_seconds(prod):
    intervals = {service.name: service.health.interval for service in prod.blueprint.services if service.health}

    assert {service.name for service in prod.blueprint.services} == set(intervals)
    assert {} == {name: each for name, each in intervals.items() if not 10 <= each <= 30}


@pytest.mark.req("S5-93")
def test_services_find_each_other_by_the_addresses_of_the_description(prod):
    texts = {file.template for service in prod.blueprint.services for file in service.secret_files}

    assert "postgresql://litellm:{postgresql-password}@postgresql:5432/litellm" in texts
    assert "redis://:{redis-password}@redis:6379" in texts
    assert "http://qdrant:6333" == spec(prod, "litellm").env["QDRANT_API_BASE"]


def test_obsidians_user_has_one_database_and_nobody_else_any(prod):
    couchdb = services(prod, "vpn")["couchdb"]
    folder = ROOT / "catalog/couchdb/files"
    names = spec(prod, "couchdb").env

    assert "couchdb:3.3.3" == couchdb.image and "admin" == names["COUCHDB_USER"]
    assert {"couchdb-admin-password", "couchdb-obsidian-password"} <= {secret.name for secret in couchdb.secrets}
    assert "obsidian" == names["OBSIDIAN_USER"] and "obsidian_vault" in (folder / "provision.sh").read_text()
    assert "require_valid_user = true" in (folder / "livesync.ini").read_text(), "nobody comes in without a name"


PEOPLE = {
    "litellm-user": ("litellm", "UI_USERNAME", "admin", "jane@example.com"),
    "couchdb-user": ("couchdb", "COUCHDB_USER", "admin", "jane"),
    "couchdb-obsidian-user": ("couchdb", "OBSIDIAN_USER", "obsidian", "Jane.Notes"),
    "owner-email": ("n8n", "N8N_INSTANCE_OWNER_EMAIL", "owner@example.com", "jane@example.org"),
    "owner-first-name": ("n8n", "N8N_INSTANCE_OWNER_FIRST_NAME", "Platform", "Jane Anne"),
    "owner-last-name": ("n8n", "N8N_INSTANCE_OWNER_LAST_NAME", "Owner", "O'Neil-Sørensen"),
}


def named(**settings):
    values = {"homeport:preset": "vpai", "homeport:settings": json.dumps(settings)}
    plan = resolve(Configuration("dev", values), sealed=True)
    asked = {
        service.name: template.fill(service.sign_in.user, plan.blueprint.texts(), template.LINE)
        for service in plan.blueprint.services
        if service.sign_in
    }
    envs = {option: spec(plan, service).env[name] for option, (service, name, *_) in PEOPLE.items()}
    return envs, spec(plan, "nocodb").env["NC_ADMIN_EMAIL"], asked


def test_people_have_the_names_that_the_stack_chooses_and_those_of_before_where_it_does_not():
    envs, nocodb, asked = named()
    assert {option: usual for option, (*_, usual, _) in PEOPLE.items()} == envs
    assert ("owner@example.com", "admin", "admin") == (nocodb, asked["litellm"], asked["couchdb"])
    assert "ops@example.net" == named(acme_email="ops@example.net")[0]["owner-email"], "whom the authority writes to"

    envs, nocodb, asked = named(
        acme_email="ops@example.net", options={option: own for option, (*_, own) in PEOPLE.items()}
    )
    assert {option: own for option, (*_, own) in PEOPLE.items()} == envs
    assert ("jane@example.org", "jane@example.org") == (nocodb, asked["n8n"]), "one owner of both"
    assert ("jane@example.com", "jane") == (asked["litellm"], asked["couchdb"]), "credentials and status say so too"


@pytest.mark.parametrize(
    ("option", "text"),
    [
        ("litellm-user", ""),
        ("litellm-user", "jane doe"),
        ("couchdb-user", "_users"),
        ("couchdb-obsidian-user", 'a"b'),
        ("couchdb-obsidian-user", "a/b"),
        ("owner-email", "jane"),
        ("owner-first-name", ""),
        ("owner-first-name", "Jane "),
        ("owner-last-name", "<b>"),
    ],
)
def test_a_name_that_its_software_would_not_take_is_refused(option, text):
    with pytest.raises(BlueprintError) as refused:
        named(options={option: text})
    assert [f"homeport:settings.options.{option}"] == [problem.path for problem in refused.value.problems]


@pytest.mark.req("S5-80", "S5-81")
def test_n8n_calls_openclaw_with_its_token_and_is_called_back_by_a_webhook():
    folder = ROOT / "catalog/presets/vpai/n8n"
    flows = {path.stem: json.loads(path.read_text()) for path in sorted((folder / "workflows").glob("*.json"))}
    nodes = {name: {node["name"]: node for node in flow["nodes"]} for name, flow in flows.items()}
    credentials = {
        each["name"]: each["data"]["value"]
        for each in json.loads((folder / "credentials.json").read_text())
        if each["type"] == "httpHeaderAuth"
    }
    call = nodes["31_agent_ask"]["OpenClaw"]

    assert "http://openclaw:18789/v1/chat/completions" == call["parameters"]["url"], "inside their network"
    assert "Bearer ${openclaw_token}" == credentials[call["credentials"]["httpHeaderAuth"]["name"]]
    back = nodes["32_agent_callback"]["Webhook"]["parameters"]
    assert ("POST", "agent/callback", "headerAuth") == (back["httpMethod"], back["path"], back["authentication"])


@pytest.mark.req("S5-56")
def test_what_an_agent_reports_is_told_by_its_bot_once_and_nobody_waits_for_it(prod):
    folder = ROOT / "catalog/presets/vpai/n8n"
    flow = json.loads((folder / "workflows/32_agent_callback.json").read_text())
    nodes = {node["name"]: node for node in flow["nodes"]}
    ways = {name: [link["node"] for link in way["main"][0]] for name, way in flow["connections"].items()}
    tell, options = nodes["Telegram"], nodes["Telegram"]["parameters"]["options"]

    assert {"Webhook": ["Answer"], "Answer": ["Telegram"]} == ways, "whoever reports has the answer by then"
    assert "={{ ({ taken: true }) }}" == nodes["Answer"]["parameters"]["responseBody"]
    assert ("continueRegularOutput", False) == (tell["onError"], tell["retryOnFail"]), (
        "tried once, whatever comes of it"
    )
    assert 10_000 == options["timeout"] and options["response"]["response"]["neverError"]
    assert "slice(0, 4096)" in tell["parameters"]["jsonBody"], "as long as Telegram takes"
    assert "https://telegram.invalid/" == tell["parameters"]["url"], "by no credential it goes nowhere"

    known = {each["id"]: each for each in json.loads((folder / "credentials.json").read_text())}
    credential = known[tell["credentials"]["homeportTelegram"]["id"]]
    kind = (folder / "custom/HomeportTelegram.credentials.js").read_text()
    assert f"name = '{credential['type']}'" in kind and all(f"name: '{field}'" in kind for field in credential["data"])
    n8n = prod.blueprint.service("n8n")
    secrets = {file.target: file.template for file in n8n.secret_files}
    assert "{telegram-openclaw-token}" == secrets["agents_telegram_token"], "the agents' bot"
    assert "{telegram-openclaw-chat}" == secrets["agents_telegram_chat"], "and its chat"
    env = spec(prod, "n8n").env
    assert ("https://api.telegram.org", "/etc/homeport/custom") == (
        env["HOMEPORT_AGENTS_TELEGRAM"],
        env["N8N_CUSTOM_EXTENSIONS"],
    )
    elsewhere = planned(options={"agents-telegram": "https://telegram.example.com"}).blueprint
    assert "https://telegram.example.com" in container_spec(elsewhere, elsewhere.service("n8n")).env.values()


@pytest.mark.req("S5-82")
def test_what_calls_others_leaves_by_egress(prod):
    ways = {network.name for network in prod.blueprint.networks if not network.internal and network.way_out}
    leaving = {name: ways & {*service.networks} for name, service in services(prod, "ai").items()}

    assert {frozenset({"egress"}), frozenset({"frontend"}), frozenset()} == {
        frozenset(each) for each in leaving.values()
    }
    assert {"caddy", "grafana"} == {name for name in leaving if leaving[name] == {"frontend"}}, (
        "certificates; and alerts, which are told whatever else is down"
    )


@pytest.mark.req("S5-94")
def test_alerts_leave_by_a_network_that_nothing_watched_is_needed_for(prod):
    grafana = prod.blueprint.service("grafana")

    assert "frontend" == grafana.networks[0] and not grafana.needs
    assert not next(net for net in prod.blueprint.networks if net.name == "frontend").internal


@pytest.mark.req("S5-95")
def test_hosts_are_measured_over_the_mesh(prod):
    assert {"ai", "app", "vpn", "workstation"} == {
        name for name, host in prod.hosts.items() if "node-exporter" in {program.name for program in host.programs}
    }
    asked = {rule.targets for rule in prod.blueprint.mesh.rules if rule.ports == "9100"}
    assert {("tag:workstation",), ("tag:vpn",), ("tag:app",)} == asked, "by the AI host alone"
    assert {("tag:ai",)} == {rule.sources for rule in prod.blueprint.mesh.rules if rule.ports == "9100"}


def targets(plan):
    found = json.loads(spec(plan, "alloy").env["NODE_TARGETS"])
    return {target["instance"]: target["__address__"] for target in found}


def test_every_host_is_asked_for_its_metrics_that_which_asks_among_them(plans):
    prod = plans["prod"]
    egress = {network.name: network.subnet for network in prod.blueprint.networks}["egress"]
    inside = {
        name: [rule.opening.sources for rule in host.rules if (rule.via, rule.opening.port) == (CONTAINERS, 9100)]
        for name, host in prod.hosts.items()
    }

    assert {name: f"{name}.mesh.example.com:9100" for name in prod.hosts} == targets(prod), (
        "each by its name in the mesh"
    )
    assert {"ai": [(egress,)], "app": [], "vpn": [], "workstation": []} == inside, "the network that Alloy comes by"
    assert "egress" == prod.blueprint.ways(prod.blueprint.service("alloy"))[0].name
    assert {"127.0.0.1:9100"} == {*targets(plans["dev"]).values()}, "which is nobody: Alloy drops it"


def test_the_containers_of_every_host_have_their_alerts(prod):
    grafana = prod.blueprint.service("grafana")
    files = service_files(prod.blueprint, grafana, ROOT).plain
    named = {match[1] for path in files if (match := re.search(r"/alerting/service-(.*)\.yaml$", path))}
    measured = {
        name for name, host in prod.hosts.items() if "node-exporter" in {program.name for program in host.programs}
    }

    assert {service.name for service in prod.blueprint.services if not service.schedule} == named
    assert VPN <= named and {*prod.blueprint.homes.values()} <= measured, "or an alert would fire for ever"


@pytest.mark.req("S5-58")
def test_no_service_tracks_errors(prod):
    assert not [name for name in (*AI, *VPN) if re.search("sentry|glitchtip|bugsink", name)]
    assert {"json-file"} == {spec(prod, service.name).log_driver for service in prod.blueprint.services}


@pytest.mark.req("S5-97")
def test_every_image_has_a_version(prod):
    assert [] == [image for image in prod.images if not re.search(r":[^:/]*[0-9]", image)]


@pytest.mark.req("S5-78")
@pytest.mark.parametrize("stack", ["dev", "prod"])
def test_every_secret_that_only_its_issuer_has_is_asked_for_at_once(stack):
    with pytest.raises(ProblemsError) as refused:
        resolve(configuration(stack))
    missing = {problem.path for problem in refused.value.problems if "is required and missing" in problem.what}

    clouds = {"hcloud-token", "ovh-application-key", "ovh-application-secret", "ovh-consumer-key"}
    wanted = set(supplied("vpai", hosts=stack == "prod")) | (
        {f"homeport:{name}" for name in clouds} if stack == "prod" else set()
    )
    assert wanted == missing, "in one message"
    assert all("pulumi config set --secret" in problem.fix for problem in refused.value.problems)
    named = {key.partition(":")[2] for key in wanted}
    assert {"anthropic-api-key", "openai-api-key", "openrouter-api-key", "google-gemini-api-key"} <= named
    assert {"byteplus-api-key", "brave-search-api-key", "s3-access-key", "s3-secret-key"} <= named


def test_the_amounts_of_the_budget_that_a_stack_chooses_are_litellms_and_the_guards():
    chosen = {"budget-day-limit": "7.50", "budget-critical": "0.8"}
    wanted = {"DAY_LIMIT": "7.50", "ECO_RESERVE": "0.25", "WARNING": "0.70", "CRITICAL": "0.8"}
    plan = planned("dev", options=chosen)
    for name in ("litellm", "budget-guard"):
        env = spec(plan, name).env
        assert wanted == {key: env[f"BUDGET_{key}"] for key in wanted}, name


@pytest.mark.parametrize(
    ("chosen", "named"),
    [
        ({"budget-day-limit": "-1"}, "budget-day-limit"),
        ({"budget-day-limit": "five"}, "budget-day-limit"),
        ({"budget-eco-reserve": "0.255"}, "budget-eco-reserve"),
        ({"budget-critical": "1.01"}, "budget-critical"),
        ({"budget-warning": "0"}, "budget-warning"),
        ({"budget-warning": "0.91"}, "budget-warning"),
        ({"budget-critical": "0.6"}, "budget-warning"),
    ],
)
def test_an_amount_or_a_share_that_cannot_be_meant_is_refused_by_name(chosen, named):
    with pytest.raises(ProblemsError) as refused:
        planned("dev", options=chosen)
    (problem,) = refused.value.problems
    assert f"homeport:settings.options.{named}" == problem.path, problem
    assert f"options.{next(iter(chosen))}" in problem.fix, "what was set is what is taken back"


@pytest.mark.req("S5-78")
def test_what_nobody_issues_is_made(prod):
    assert {
        *("couchdb-admin-password", "couchdb-obsidian-password", "grafana-admin-password", "litellm-master-key"),
        *("litellm-openclaw-key", "litellm-salt-key", "litellm-ui-password", "n8n-owner-password"),
        "n8n-short-encryption-key",
        *("nocodb-jwt-secret", "openclaw-api-key", "postgresql-password", "qdrant-api-key", "redis-password"),
        "sure-secret-key-base",
    } <= set(prod.generated)


def test_the_page_about_it_has_each_address_that_says_whether_a_service_works(prod):
    page = (ROOT / "docs/vpai.md").read_text()
    table = dict(re.findall(r"^\| `https://([a-z0-9]+)\.<domain>(/\S*)` \| 200 \|$", page, re.MULTILINE))

    assert {route.name: route.probe for route in prod.blueprint.routes if route.probe} == table
    assert {"hook", "uptime"} == {route.name for route in prod.blueprint.routes} - {*table}, "a relay, and who watches"


@pytest.mark.parametrize("stack", STACKS)
def test_the_page_about_it_shows_stacks_that_are_accepted_and_every_secret_name_and_port(stack):
    page, written = (ROOT / "docs/vpai.md").read_text(), documented()
    assert [*STACKS] == [*written]
    settings = written[stack]["homeport:settings"] | ({} if stack == "dev" else {"waivers": TRIED})
    values = {"homeport:preset": written[stack]["homeport:preset"], "homeport:settings": json.dumps(settings)}
    plan = resolve(Configuration(stack, values), sealed=True)

    unnamed = [name for name, each in plan.secrets.items() if each.policy == "supplied" and f"`{name}`" not in page]
    assert [] == unnamed, "somebody has to know what to supply"
    assert [] == [route.name for route in plan.blueprint.routes if f"`{route.name}.<domain>`" not in page]
    assert [] == [net.name for net in plan.blueprint.networks if f"`{net.name}`" not in page]
    assert [] == [route.here for route in plan.blueprint.routes if route.here and str(route.here) not in page]
