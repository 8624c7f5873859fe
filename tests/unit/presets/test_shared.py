"""The preset shared-infrastructure as data: what its description asks for, in dev, preprod and prod."""

from __future__ import annotations

import json
import re
from ipaddress import ip_address, ip_network

import pytest
import yaml

from catalog.presets.shared_infrastructure.preset import PRESET
from homeport.model.access import public_hostnames
from homeport.model.cloudflare import PROXIES
from homeport.model.container import container_spec
from homeport.model.errors import ProblemsError
from homeport.plan.resolve import resolve
from homeport.render.caddy import caddyfile
from homeport.render.cloudflared import remote
from homeport.render.export.tree import Export
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT
from tests.unit.stack.test_graph import ADOPTED

ACCOUNT = {
    "cloudflare": {"account_id": "a" * 32, "zone_id": "b" * 32, "team": "example"},
    "access": {"emails": ["ada@example.com"], "google_client_id": "1234567-abcdefg.apps.example.com"},
}
SERVICES = {"caddy", "cloudflared", "infisical-backend", "infisical-db", "infisical-redis", "redis"}


def planned(stack="dev", **settings):
    if stack != "dev":
        waiver = {"placeholders": {"reason": "only tried in a test", "expires": "2027-01-31"}}
        settings = {**ADOPTED, **ACCOUNT, "exposure": "tunnel", "environment": stack, "waivers": waiver, **settings}
    values = {"homeport:preset": PRESET.name, "homeport:settings": json.dumps(settings)}
    return resolve(Configuration(stack, values), sealed=True)


@pytest.fixture(scope="module")
def prod():
    return planned("prod")


def spec(plan, name):
    return container_spec(plan.blueprint, plan.blueprint.service(name))


@pytest.mark.req("S4-01", "S4-02")
def test_it_has_these_services_and_one_network_that_others_join(prod):
    (network,) = prod.blueprint.networks

    assert SERVICES == {service.name for service in prod.blueprint.services}
    assert ("ai-network", True, False) == (network.name, network.shared, network.internal)
    assert {("ai-network",)} == {service.networks for service in prod.blueprint.services}, "no other one is created"


@pytest.mark.req("S4-05", "S4-12", "S4-56")
def test_the_proxy_is_caddys_image_with_one_capability_and_its_file_where_the_image_has_it(prod):
    caddy = spec(prod, "caddy")
    mounts = {mount.target: mount.source for mount in caddy.mounts}

    assert caddy.image.startswith("caddy:2.")
    assert "-alpine" in caddy.image
    assert (("ALL",), ("CAP_NET_BIND_SERVICE",)) == (caddy.capabilities_dropped, caddy.capabilities_added)
    assert {"caddy-data", "caddy-config"} <= set(mounts.values())
    assert "" == mounts["/etc/caddy"], "its own files"
    assert "import caddy-addon/*.caddy" in caddyfile(prod.blueprint)


@pytest.mark.req("S4-06", "S4-18", "S4-35")
@pytest.mark.parametrize("stack", ["preprod", "prod"])
def test_behind_the_tunnel_nothing_is_published_and_strangers_reach_ssh_alone(stack):
    plan = planned(stack)

    assert [] == [port for service in plan.blueprint.services for port in plan.blueprint.published(service)]
    assert {"SSH"} == {opening.purpose for host in plan.hosts.values() for opening in host.openings}


@pytest.mark.req("S4-35", "S4-50")
def test_in_dev_the_proxy_alone_publishes_and_on_the_loopback_address_alone():
    blueprint = planned().blueprint
    ports = {service.name: blueprint.published(service) for service in blueprint.services}

    assert {"caddy"} == {name for name, found in ports.items() if found}
    assert {"127.0.0.1"} == {port.address for port in ports["caddy"]}
    assert {8001, 8002, 8003, 8004, 8005} <= {port.outside for port in ports["caddy"]}


@pytest.mark.req("S4-09", "S4-11")
def test_the_proxy_believes_cloudflare_and_the_connectors_own_address_and_answers_nobody_else(prod):
    blueprint, text = prod.blueprint, caddyfile(prod.blueprint)
    network = next(iter(blueprint.networks))
    trusted = next(line for line in text.splitlines() if "trusted_proxies" in line).split()[2:]

    assert [blueprint.connector_address, *PROXIES] == trusted
    assert ip_address(blueprint.connector_address) in ip_network(network.subnet)
    assert ip_address(blueprint.connector_address) not in ip_network(network.given_out), (
        "Docker gives it to nobody else"
    )
    assert spec(prod, "cloudflared").address == blueprint.connector_address
    assert text.count("respond @stranger 403") == len(blueprint.routes)
    assert "client_ip_headers CF-Connecting-IP" in text


@pytest.mark.req("S4-14")
def test_certificates_are_cloudflares_or_the_proxys_own_as_the_settings_say(prod):
    direct = caddyfile(planned("prod", exposure="direct").blueprint)

    assert "https://" not in caddyfile(prod.blueprint), "plain HTTP inside: the tunnel is encrypted"
    assert "https://infisical.example.com {" in direct
    assert "trusted_proxies" not in direct


@pytest.mark.req("S4-16", "S4-60")
def test_the_connector_has_but_a_token_in_a_file_and_waits_for_the_proxy(prod):
    connector = spec(prod, "cloudflared")
    secret = {spec.name: spec for service in PRESET.services for spec in service.secrets}["cloudflare-tunnel-token"]

    assert connector.image.startswith("cloudflare/cloudflared:")
    assert ("tunnel", "run") == connector.command
    assert "http2" == connector.env["TUNNEL_TRANSPORT_PROTOCOL"]
    assert ("caddy",) == connector.needs
    assert "issued" == secret.policy, "the tunnel gives it; nobody has to"


@pytest.mark.req("S4-19")
def test_every_name_leads_to_the_proxy_and_any_other_nowhere(prod):
    doors = public_hostnames(prod.blueprint)
    rules = remote(doors, "example", {area.key: area.key for door in doors for area in door.areas()})

    assert {"http://caddy:80"} == {rule["service"] for rule in rules[:-1]}
    assert {"service": "http_status:404"} == rules[-1]
    assert all(rule["origin_request"]["access"]["required"] for rule in rules[:-1]), "nobody passes unasked"


@pytest.mark.req("S4-28", "S4-29")
def test_infisical_has_what_it_reads_and_its_secrets_in_files_alone(prod):
    backend, service = spec(prod, "infisical-backend"), prod.blueprint.service("infisical-backend")
    files = {file.target: file.template for file in service.secret_files}

    assert backend.image.startswith("infisical/infisical:")
    assert ("https://infisical.example.com", "true") == (backend.env["SITE_URL"], backend.env["HTTPS_ENABLED"])
    assert prod.blueprint.networks[0].subnet == backend.env["TRUSTED_PROXY_CIDRS"]
    assert {"encryption_key", "auth_secret", "database_url", "redis_url"} == set(files)
    assert ("infisical-db", "infisical-redis") == backend.needs
    assert [] == [key for key in backend.env if key in {"ENCRYPTION_KEY", "AUTH_SECRET", "DB_CONNECTION_URI"}]
    kinds = {name: made.kind for name, made in prod.secrets.items()}
    assert ("hex32", "base64") == (kinds["infisical-encryption-key"], kinds["infisical-auth-secret"])


@pytest.mark.req("S4-30", "S4-31", "S4-32", "S4-56")
def test_its_stores_are_its_own_and_the_shared_cache_is_another(prod):
    images = {name: spec(prod, name).image.partition("@")[0] for name in ("infisical-db", "infisical-redis", "redis")}
    volumes = {name: {mount.source for mount in spec(prod, name).mounts if mount.kind == "volume"} for name in images}
    passwords = {name: owners for name, owners in prod.blueprint.secrets().items() if "password" in name}

    assert images["infisical-db"].startswith("postgres:16")
    assert {True} == {images[name].startswith("valkey/valkey:8") for name in ("infisical-redis", "redis")}
    assert {"infisical-db-data", "infisical-redis-data", "valkey-data"} == set().union(*volumes.values())
    assert ("infisical-backend", "infisical-redis") == passwords["infisical-redis-password"]
    assert ("redis",) == passwords["redis-shared-password"], "one who knows Infisical's does not know this one"
    assert () == spec(prod, "redis").capabilities_added, "of SETGID, SETUID and DAC_OVERRIDE it needs none: no root"


@pytest.mark.req("S4-34")
def test_every_container_drops_every_capability_and_keeps_those_with_a_reason(prod):
    for service in prod.blueprint.services:
        assert ("ALL",) == spec(prod, service.name).capabilities_dropped, service.name
        assert all(service.capabilities.values()), service.name
        assert service.uid, service.name


@pytest.mark.req("S4-36")
def test_the_key_of_all_that_is_stored_is_made_once_and_its_backup_is_asked_for(prod):
    key = prod.secrets["infisical-encryption-key"]

    assert key.encrypts, "an update that would make another asks for it by name (homeport/cli/consent.py)"
    assert any("infisical-encryption-key" in step for step in prod.blueprint.next_steps)


@pytest.mark.req("S4-37")
def test_the_first_account_is_behind_a_guard_whatever_the_exposure(prod):
    direct = planned("prod", exposure="direct").blueprint
    (route,) = [route for route in direct.routes if route.name == "infisical"]
    asked = {path for guard in route.guards if guard.kind == "basic" for path in guard.paths}

    assert {"/admin/signup*", "/api/v1/admin/signup*", "/api/v1/admin/bootstrap*"} == asked
    assert {"login"} == {guard.kind for route in prod.blueprint.routes for guard in route.guards}


@pytest.mark.req("S4-54", "S4-55")
def test_a_guest_gets_a_route_by_one_setting():
    guests = {"n8n": {"host": "flows.example.com"}, "mine": {"to": "mine:9000"}}
    blueprint = planned("prod", guests=guests).blueprint
    routes = {route.name: (blueprint.host(route), f"{route.service}:{route.port}") for route in blueprint.routes}

    assert ("flows.example.com", "n8n:5678") == routes["n8n"]
    assert ("mine.example.com", "mine:9000") == routes["mine"]
    assert "api.example.com" == routes["lambda"][0], "the Lambda server's is there without a word"
    assert {"langfuse", "supabase", "n8n", "lambda", "infisical"} == {
        route.name for route in planned().blueprint.routes
    }


@pytest.mark.parametrize(
    ("settings", "where"),
    [
        ({"guests": {"mine": {}}}, "guests.mine"),
        ({"guests": {"infisical": {"to": "other:1"}}}, "guests.infisical"),
        ({"guests": {"mine": {"to": "mine:1", "access": "public"}}}, "guests.mine.because"),
        ({"guests": {"mine": {"to": "no port"}}}, "guests.mine.to"),
        ({"join": {"ai-network": ["redis"]}}, "join.ai-network"),
        ({"join": {"other": ["nobody"]}}, "join.other"),
        ({"join": {"host": ["redis"]}}, "join.host"),
        ({"join": {"other": ["redis", "nobody"]}}, "join.other[1]"),
        ({"join": {"other": ["redis", "nobody", "another"]}}, "join.other"),
        ({"join": {"my.net": ["nobody"]}}, 'join["my.net"]'),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_said_of_guests_is_refused_with_its_place(settings, where):
    with pytest.raises(ProblemsError) as refused:
        planned("prod", **settings)

    assert f"homeport:settings.{where}" in {problem.path for problem in refused.value.problems}
    assert all(problem.fix for problem in refused.value.problems)


@pytest.mark.req("S4-55", "S4-33")
@pytest.mark.parametrize("preset", ["ai-orchestrator", "jett"])
def test_services_of_other_presets_join_the_network_by_one_setting(preset):
    joining = {"ai-orchestrator": "ai-n8n", "jett": "n8n"}[preset]
    settings = {"join": {"ai-network": [joining]}}
    values = {"homeport:preset": preset, "homeport:settings": json.dumps(settings)}
    blueprint = resolve(Configuration("dev", values)).blueprint
    joined = {service.name: container_spec(blueprint, service).joined for service in blueprint.services}

    assert ("ai-network",) == joined.pop(joining)
    assert {()} == set(joined.values()), "and nobody else does"
    assert "ai-network" not in {network.name for network in blueprint.networks}, "it is external: this stack makes none"


@pytest.mark.req("S4-55")
def test_an_app_joins_like_a_service_and_a_name_that_is_nearly_one_is_said():
    app = {"image": "shop:1.0", "port": 8000, "internet": True}

    def joined(*names, **more):
        settings = {"apps": {"shop": app | more}, "join": {"ai-network": names}}
        values = {"homeport:preset": "jett", "homeport:settings": json.dumps(settings)}
        return resolve(Configuration("dev", values)).blueprint.joined

    assert {"ai-network": ("n8n", "shop")} == joined("n8n", "shop")
    assert {"ai-network": ("n8n",)} == joined("n8n", "shop", enabled=False)
    assert {} == joined("shop", enabled=False), "who is off asks for no network"
    with pytest.raises(ProblemsError, match=r"no shpo \(did you mean shop\?\)"):
        joined("n8n", "shpo")


@pytest.fixture(scope="module")
def tree():
    plan = planned()
    export = Export(blueprint=plan.blueprint, preset=PRESET, specs=plan.secrets, root=ROOT)
    return {path: content.decode() for path, content in export.tree().items()}


@pytest.mark.req("S4-51", "S4-61", "S4-48")
def test_the_rendered_folder_has_the_layout_of_the_description(tree):
    wanted = {"docker-compose.yml", "networks.yml", "AGENTS.md", "README.md", "docs/README.md", ".env.global"}
    wanted |= {"docker-compose.override.private.yml", "docker-compose.override.public.yml", "docs/infisical/README.md"}
    wanted |= {"caddy/Caddyfile", "caddy/caddy-addon/common.caddy", "cloudflared/docs/README.md", "deploy.sh"}

    assert set() == wanted - tree.keys()
    assert {"scripts/manage-infisical.py", "scripts/update_images.py"} <= tree.keys()
    assert {"## Do", "## Don't"} <= set(tree["AGENTS.md"].splitlines())
    assert "A shared service is in the stack's own" in tree["AGENTS.md"], "the rule of where things are placed"


@pytest.mark.req("S4-07", "S4-08")
def test_every_host_name_of_the_rendered_caddyfile_is_a_variable_with_a_port_as_its_default(tree):
    sites = [line.removesuffix(" {") for line in tree["caddy/Caddyfile"].splitlines() if line.startswith("http")]
    fixed = {"http://127.0.0.1:2020", "http://"}

    assert all(re.fullmatch(r"http://\{\$[A-Z0-9_]+_HOSTNAME::\d+\}", site) for site in set(sites) - fixed)
    assert "http://{$N8N_HOSTNAME::8001}" in sites
    assert not re.search(r"localhost|example", tree["caddy/Caddyfile"]), "no host name is written down"


@pytest.mark.req("S4-29", "S4-49", "S4-50")
def test_ports_are_in_the_override_of_dev_and_what_is_shared_comes_before_what_is_secret(tree):
    whole, private, public = (
        yaml.safe_load(tree[f"docker-compose{name}.yml"]) for name in ("", ".override.private", ".override.public")
    )

    assert [] == [name for name, service in whole["services"].items() if "ports" in service], "expose, not ports"
    assert {"127.0.0.1"} == {port.partition(":")[0] for port in private["services"]["caddy"]["ports"]}
    assert ["80:80/tcp"] == public["services"]["caddy"]["ports"], "the proxy, and 80 alone"
    assert {"ai-network": {"name": "ai-network", "external": True}} == whole["networks"]
    assert "N8N_HOSTNAME=:8001" in tree[".env.global"].splitlines()
    assert "--env-file .env.global --env-file .env" in tree["deploy.sh"], "the last one wins"
    assert not re.search("PASSWORD|TOKEN|SECRET|KEY", tree[".env.global"]), "nothing secret is shared"
