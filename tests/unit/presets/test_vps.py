"""The preset vps-infrastructure as data: what its description asks for, in dev, preprod and prod."""

from __future__ import annotations

import json

import pytest
import yaml

from catalog.presets.vps_infrastructure.preset import PRESET
from homeport.model.container import container_spec
from homeport.plan.resolve import resolve
from homeport.render.caddy import caddyfile
from homeport.render.export.checkout import compose_texts
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT
from tests.unit.stack.test_graph import ADOPTED


def planned(stack="prod", **settings):
    if stack != "dev":
        waiver = {"placeholders": {"reason": "only tried in a test", "expires": "2027-01-31"}}
        settings = {**ADOPTED, "environment": stack, "waivers": waiver, **settings}
    values = {"homeport:preset": PRESET.name, "homeport:settings": json.dumps(settings)}
    return resolve(Configuration(stack, values), sealed=True)


@pytest.fixture(scope="module")
def prod():
    return planned("prod")


def spec(plan, name):
    return container_spec(plan.blueprint, plan.blueprint.service(name))


@pytest.mark.req("S1-10")
@pytest.mark.parametrize("stack", ["dev", "preprod", "prod"])
def test_every_published_port_is_on_the_loopback_address_but_the_proxys(stack):
    blueprint = planned(stack).blueprint
    for service in blueprint.services:
        if not (service.edge and stack != "dev"):
            assert {"127.0.0.1"} >= {port.address for port in blueprint.published(service)}, service.name
    assert {"direct" if stack != "dev" else "local"} == {blueprint.exposure}


def test_another_number_for_a_port_on_the_loopback_address_is_taken():
    blueprint = planned("dev", services={"n8n": {"port": 15678}}).blueprint

    assert [15678] == [port.outside for port in blueprint.published(blueprint.service("n8n"))]


@pytest.mark.req("S1-17")
def test_n8n_has_its_volume_its_public_name_its_pinned_image_and_its_port(prod):
    n8n = spec(prod, "n8n")

    assert [("127.0.0.1", 5678, 5678)] == [(port.address, port.outside, port.inside) for port in n8n.ports]
    assert "supabase_default" in n8n.networks
    assert "/home/node/.n8n" in {mount.target for mount in n8n.mounts if mount.kind == "volume" and not mount.read_only}
    assert {"https://n8n.example.com/"} == {n8n.env["N8N_EDITOR_BASE_URL"], n8n.env["N8N_WEBHOOK_URL"]}
    assert n8n.image.startswith("n8nio/n8n:2.")
    assert "/healthz" in (ROOT / "catalog/n8n/files/health.cjs").read_text(), "what Docker's health check asks"


@pytest.mark.req("S1-01")
@pytest.mark.parametrize("host", [{"mode": "create", "server_type": "cx53", "location": "fsn1"}, None])
def test_one_host_has_everything_rented_or_adopted(host):
    plan = planned("prod", **({"hosts": {"main": host}} if host else {}))

    assert ["main"] == list(plan.hosts)
    assert {"main"} == set(plan.blueprint.homes.values())
    assert {service.name for service in PRESET.services} == {service.name for service in plan.hosts["main"].services}


def test_each_folder_of_the_checkout_has_a_compose_file_of_what_pulumi_made(prod):
    texts = compose_texts(prod.blueprint, PRESET.checkout, "prod", {})
    whole = {path: yaml.safe_load(text) for path, text in texts.items()}
    services = {name: service for each in whole.values() for name, service in each["services"].items()}

    assert {service.name for service in prod.blueprint.services} == set(services), "each is in one of them"
    assert "docker-compose/n8n/docker-compose.yml" in whole
    assert "docker-compose/supabase/docker-compose.yml" in whole
    for path, each in whole.items():
        folder = path.split("/")[1]
        assert "name" not in each, "the project is called as its folder is"
        assert {True} >= {network["external"] for network in each.get("networks", {}).values()}
        assert {True} >= {volume["external"] for volume in each.get("volumes", {}).values()}
        for name in each["services"]:
            labels = spec(prod, name).compose_labels
            assert (name, folder) == (
                each["services"][name]["container_name"],
                labels["com.docker.compose.project"],
            ), "compose knows the container that Pulumi made as its own"


def test_whoever_asks_between_two_images_waits(prod):
    sites = caddyfile(prod.blueprint).split("https://")[1:]
    waiting = {site.partition(" ")[0] for site in sites if "lb_try_duration 30s" in site}

    assert {"ai-dev.example.com"} == waiting, "nobody else is replaced beside an update"
