"""The names of a stack at OVH, or in a list for a person; and who issues their certificates."""

from __future__ import annotations

import pytest

from tests.unit.stack.test_direct import delivered
from tests.unit.stack.test_graph import ADOPTED, COMMAND

KEYS = {
    "ovh-application-key": "7kNwQz3tRb9xLm2V",
    "ovh-application-secret": "q8Zt4YdW1sXk6PvB3nRj7HcM9fLg2TaE",
    "ovh-consumer-key": "Xe5Vb8NqT2mKc7Rw4LzJ9yHd3PsG6fUa",
}
ADDRESS = ADOPTED["hosts"]["main"]["address"]
OVH = {"provider": "ovh", "endpoint": "ovh-ca"}


def secret(value):
    return value["value"] if isinstance(value, dict) else value


@pytest.mark.req("S5-64", "S5-65")
def test_each_name_of_the_proxy_is_a_record_set_by_a_command_that_gets_its_keys_as_a_secret(build):
    graph = build({**ADOPTED, "dns": OVH}, KEYS, stack="prod")
    record = graph.one(COMMAND, "zone-n8n")
    inputs = record["inputs"]
    words = f"sh components/scripts/ovh.sh set ovh-ca example.com A n8n.example.com 300 {ADDRESS}"
    assert words == inputs["create"]
    assert "sh components/scripts/ovh.sh delete ovh-ca example.com A n8n.example.com" == inputs["delete"]
    assert [*KEYS.values()] == secret(inputs["stdin"]).split("\n")
    assert isinstance(inputs["stdin"], dict), "a secret of the state"
    assert ["ovh-ca", "example.com", "A", "n8n.example.com"] == inputs["triggers"], (
        "not the target: it is changed in place"
    )
    rest = {key: value for key, value in inputs.items() if key != "stdin"}
    assert [] == [value for value in KEYS.values() if value in str(rest)]
    assert not [item for item in graph.resources if str(item["type"]).startswith("cloudflare:")]


@pytest.mark.req("S5-65")
def test_by_hand_the_records_are_what_is_left_to_do(build):
    graph = build({**ADOPTED, "dns": {"provider": "manual"}}, {}, stack="prod")
    steps = [step for step in graph.exports["next_steps"]["value"] if "DNS record" in step]
    assert [step for step in steps if step == f"Make the DNS record n8n.example.com A {ADDRESS}"], steps
    assert not [item for item in graph.resources if item["name"].startswith("zone")]


@pytest.mark.req("S5-59")
def test_certificates_by_dns_give_the_proxy_its_keys_in_a_file(build):
    settings = {**ADOPTED, "dns": OVH, "certificates": {"challenge": "ovh"}}
    graph = build(settings, KEYS, stack="prod")
    files = delivered(graph, "ai-caddy-routes-taken")
    keys = [text for name, text in files.items() if name.endswith("guards/authority.caddy")]
    assert [all(value in text for value in KEYS.values()) for text in keys] == [True]
    caddyfile = next(text for name, text in files.items() if name.endswith("/Caddyfile"))
    assert "dns ovh {" in caddyfile
    assert "acme-staging" not in caddyfile, "in prod people's browsers trust them"


def test_in_preprod_certificates_are_of_the_staging_authority(build):
    settings = {**ADOPTED, "environment": "preprod", "certificates": {"challenge": "http"}}
    files = delivered(build(settings, {}, stack="preprod"), "ai-caddy-routes-taken")
    caddyfile = next(text for name, text in files.items() if name.endswith("/Caddyfile"))
    assert "dir https://acme-staging-v02.api.letsencrypt.org/directory" in caddyfile
