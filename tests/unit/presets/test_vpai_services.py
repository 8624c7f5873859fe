"""vpai's services as its description has them: image, networks, data, health, secrets. Their work is tried apart."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from catalog.presets.vpai.preset import PRESET
from homeport.model.route import Guard
from tests.support.checkout import ROOT

SERVICES = {service.name: service for service in PRESET.services}
ROUTES = {route.name: route for route in PRESET.routes}
TUNED = {"postgresql": 120}
"""Seconds of its first start in which an unhealthy answer counts nothing, where the description says."""


class Row(NamedTuple):
    """What a row of the description says of one container."""

    image: str
    networks: tuple[str, ...]
    data: str
    health: str
    secrets: tuple[str, ...] = ()
    host: str = "ai"


ROWS = {
    "postgresql": Row("postgres:18.1", ("backend",), "/var/lib/postgresql", "pg_isready", ("postgresql-password",)),
    "redis": Row("redis:8.0", ("backend",), "/data", "PONG", ("redis-password",)),
    "qdrant": Row(
        "qdrant/qdrant:v1.16.3", ("backend",), "/qdrant/storage", "/dev/tcp/127.0.0.1/6333", ("qdrant-api-key",)
    ),
    "n8n": Row(
        "n8nio/n8n:",
        ("backend", "egress"),
        "/home/node/.n8n",
        "http://127.0.0.1:5678/'",
        ("n8n-short-encryption-key", "n8n-owner-password", "postgresql-password", "redis-password"),
    ),
    "litellm": Row(
        "ghcr.io/berriai/litellm",
        ("backend", "egress"),
        "",
        "/etc/homeport/health",
        (
            *("litellm-master-key", "litellm-openclaw-key", "litellm-salt-key", "litellm-ui-password"),
            *("postgresql-password", "redis-password"),
        ),
    ),
    "openclaw": Row(
        "openclaw",
        ("backend", "egress", "sandbox"),
        "/home/node/.openclaw",
        "/healthz",
        ("openclaw-api-key", "litellm-openclaw-key", "openclaw-sandbox-key"),
    ),
    "openclaw-sandbox": Row("openclaw-sandbox", ("sandbox",), "", "2222", ("openclaw-sandbox-host-key",)),
    "nocodb": Row(
        "nocodb/nocodb:",
        ("backend", "egress"),
        "",
        "/api/v1/health",
        ("postgresql-password", "nocodb-jwt-secret", "nocodb-api-token", "s3-access-key", "s3-secret-key"),
    ),
    "sure": Row("ghcr.io/we-promise/sure:", ("backend",), "/rails/storage", "/up", ("sure-secret-key-base",)),
    "sure-worker": Row(
        "ghcr.io/we-promise/sure:", ("backend", "egress"), "/rails/storage", "sidekiq", ("sure-secret-key-base",)
    ),
    "grafana": Row(
        "grafana/grafana:", ("frontend", "monitoring"), "/var/lib/grafana", "/api/health", ("grafana-admin-password",)
    ),
    "victoriametrics": Row(
        "victoriametrics/victoria-metrics:v1.135.0", ("monitoring",), "/victoria-metrics-data", "/health"
    ),
    "loki": Row("grafana/loki:3.6.5", ("monitoring",), "/loki", "-health"),
    "alloy": Row("grafana/alloy:v1.13.0", ("monitoring", "egress"), "/var/lib/alloy/data", "/-/ready"),
    "cadvisor": Row("ghcr.io/google/cadvisor:0.55.1", ("monitoring",), "", "/healthz"),
    "couchdb": Row(
        "couchdb:3.3.3",
        ("relay",),
        "/opt/couchdb/data",
        "/_up",
        ("couchdb-admin-password", "couchdb-obsidian-password"),
        "vpn",
    ),
    "uptime-kuma": Row("louislam/uptime-kuma:", ("watch",), "/app/data", "/app/extra/healthcheck", (), "vpn"),
}


@pytest.mark.req("S5-22", "S5-27")
@pytest.mark.parametrize("name", ROWS)
def test_each_is_as_its_row_says(name):
    row, service = ROWS[name], SERVICES[name]

    assert service.image.startswith(row.image), "the image, and its version where one is said"
    assert row.networks == service.networks, "its networks and no other"
    kept = [volume.path for volume in service.volumes.values()]
    assert kept == ([row.data] if row.data else []), "what it keeps is in one place; the rest is in the databases"
    assert row.health in " ".join(service.health.test), "by its own question"
    assert 10 <= service.health.interval <= 30 or name == "redis", "asked often enough"
    assert service.health.start_period >= TUNED.get(name, 0), "a first start may take that long"
    assert {*row.secrets} <= {secret.name for secret in service.secrets}, "each by a secret of its own"
    assert service.ports == () and service.role == row.host, "on its host, and reached by the proxy alone"
    shown = [text for text in service.env.values() if "{" in text and ("password" in text or "-key" in text)]
    assert [] == shown, "no secret is in its environment"


def file(service, target):
    return next(file for file in SERVICES[service].secret_files if file.target == target).template


@pytest.mark.req("S5-22", "S5-27", "S5-29")
def test_each_finds_its_database_by_the_name_of_the_server_with_the_one_password():
    assert "postgresql://litellm:{postgresql-password}@postgresql:5432/litellm" == file("litellm", "env/DATABASE_URL")
    assert "pg://postgresql:5432?u=nocodb&p={postgresql-password}&d=nocodb" == file("nocodb", "env/NC_DB")
    n8n, sure = SERVICES["n8n"].env, SERVICES["sure"].env
    assert ("postgresql", "n8n") == (n8n["DB_POSTGRESDB_HOST"], n8n["DB_POSTGRESDB_DATABASE"])
    assert ("postgresql", "5432", "sure") == (sure["DB_HOST"], sure["DB_PORT"], sure["POSTGRES_DB"])
    assert {"{postgresql-password}"} == {file("n8n", "db_password"), file("sure", "env/POSTGRES_PASSWORD")}
    owners = {database.name: database.owner for database in PRESET.databases}
    assert {name: name for name in ("n8n", "litellm", "nocodb", "sure")} == owners, "four, each with its user"
    assert SERVICES["postgresql"].env["PGDATA"].startswith("/var/lib/postgresql/18/"), "the layout of version 18"
    assert "postgres" == SERVICES["postgresql"].env["POSTGRES_USER"], "and its superuser"


@pytest.mark.req("S5-27", "S5-29")
def test_who_keeps_sessions_and_caches_in_redis_finds_it_by_its_name():
    assert "redis://:{redis-password}@redis:6379" == file("litellm", "env/REDIS_URL"), "as described"
    n8n = SERVICES["n8n"].env
    assert ("redis", "redis") == (n8n["N8N_CACHE_BACKEND"], n8n["QUEUE_BULL_REDIS_HOST"]), "its sessions are there"
    assert "{redis-password}" == file("n8n", "redis_password")


def test_attachments_go_below_their_environment_so_that_two_may_share_a_bucket():
    nocodb = SERVICES["nocodb"].env
    assert "{s3-endpoint}/{s3-bucket-shared}/{environment}" == nocodb["NC_S3_ENDPOINT"], "no other one's are there"
    assert "nc-attachments" == nocodb["NC_S3_BUCKET_NAME"], "the description's folder"


def test_the_gateway_s_token_is_the_api_key_unless_it_is_given_and_n8n_has_it():
    token = file("n8n", "openclaw_token")
    assert "{openclaw-gateway-token}" == token == file("openclaw", "env/OPENCLAW_GATEWAY_TOKEN"), "one secret for both"
    spec = next(secret for secret in SERVICES["openclaw"].secrets if secret.name == "openclaw-gateway-token")
    assert (True, "openclaw-api-key") == (spec.same, spec.made_of)


@pytest.mark.req("S5-94")
def test_an_alert_leaves_by_a_network_that_nothing_it_watches_is_on():
    networks = {network.name: network for network in PRESET.networks}
    grafana = SERVICES["grafana"]
    ways = [name for name in grafana.networks if not networks[name].internal]
    assert ["frontend"] == ways, "the way to Telegram is no internal network"
    others = {name for name, service in SERVICES.items() if "frontend" in service.networks} - {"grafana"}
    assert others <= {"caddy", "hub-caddy"}, "and only a proxy is beside it there"
    assert () == grafana.needs, "it starts, and alerts, whatever else is away"


def test_obsidian_reaches_couchdb_from_anywhere_and_nothing_else_of_its_host_without_a_password():
    route = ROUTES["couchdb"]
    (guard,) = route.guards
    assert isinstance(guard, Guard) and guard.kind == "open" and "password" in guard.itself, "it asks for itself"
    assert route.max_body >= 50_000_000, "as large a document as LiveSync sends"
    closed = {name for name, each in ROUTES.items() if all(guard.kind == "members" for guard in each.guards)}
    assert {"n8n", "litellm", "openclaw", "nocodb", "sure", "qdrant", "grafana"} <= closed, "all else is for members"


@pytest.mark.req("S5-96")
def test_the_host_of_applications_has_what_a_deployment_needs_and_no_container_of_the_preset():
    assert "app" in PRESET.roles, "a host may have that role alone"
    assert [] == [name for name, service in SERVICES.items() if service.role == "app"], "nothing is laid on it"
    exporter = next(program for program in PRESET.programs if program.name == "node-exporter")
    assert {"app", "workstation"} <= {*exporter.roles}, "it is a member of the mesh that is measured"
    assert any(rule.targets == ("tag:app",) for rule in PRESET.mesh.rules), "by a rule of its own"


def test_grafana_has_its_stores_and_its_administrator_from_the_first_start_on():
    grafana = SERVICES["grafana"]
    assert "/etc/homeport/admin_password" == grafana.env["GF_SECURITY_ADMIN_PASSWORD__FILE"], "a file of mode 0400"
    assert "{grafana-user}" == grafana.env["GF_SECURITY_ADMIN_USER"], "an option"
    targets = {file.target for file in grafana.files}
    assert {"provisioning/datasources/homeport.yaml", "provisioning/dashboards/homeport.yaml"} <= targets, "as files"


def test_every_name_has_a_monitor_that_asks_what_its_health_check_does():
    page = (ROOT / "docs/vpai.md").read_text()
    monitors = dict(re.findall(r"^\| `https://([a-z0-9]+)\.<domain>(/\S*)` \| \d+", page, re.MULTILINE))

    assert {*monitors} == {*ROUTES} - {"uptime"}, "all but its own"
    others = {
        "n8n": "/healthz",
        "litellm": "/health/liveliness",
        "qdrant": "/readyz",
        "hook": "/",
        "autofix": "/",
        "headscale": "/health",
    }
    for name, path in monitors.items():
        asked = " ".join(SERVICES[ROUTES[name].service].health.test) if ROUTES[name].service else ""
        assert path == others.get(name) or path in asked, f"{name}: an address that answers without a password"
