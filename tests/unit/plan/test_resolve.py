"""The one way from a configuration to a plan: what is needed, what is there, what is made."""

from __future__ import annotations

import hashlib
import json

import pytest

from homeport.model.errors import SettingsError
from homeport.plan.resolve import resolve, with_defaults
from homeport.settings.load import Configuration

CANARY = hashlib.sha256(b"nobody's secret").hexdigest()
RENTED = {"exposure": "direct", "hosts": {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}}}


def configuration(settings=None, preset="ai-orchestrator", stack="prod", **secrets):
    values = {"homeport:preset": preset, "homeport:settings": json.dumps(settings or {})}
    held = {f"homeport:{name.replace('_', '-')}": value for name, value in secrets.items()}
    return Configuration(stack, values | held, frozenset(held))


@pytest.mark.req("P-06")
def test_a_stack_that_lacks_a_secret_is_refused_by_name():
    with pytest.raises(SettingsError, match="homeport:hcloud-token: is required and missing"):
        resolve(configuration(RENTED))


def test_a_file_without_its_passphrase_is_planned_all_the_same():
    plan = resolve(configuration(RENTED), sealed=True)

    assert ("hcloud-token" in plan.secrets, plan.local) == (True, False), "the program itself asks for the token"


def test_only_a_rehearsal_has_certificates_of_the_proxys_own_for_public_names():
    real = configuration(RENTED)
    rehearsed = Configuration("prod", {**real.values, "hcloud:endpoint": "http://127.0.0.1:1/v1"})

    assert [False, True] == [resolve(each, sealed=True).blueprint.edge.own_authority for each in (real, rehearsed)]


@pytest.mark.req("P-08")
def test_a_supplied_secret_is_handed_on_masked_and_is_not_generated():
    plan = resolve(configuration(stack="dev", n8n_webhook_api_key=CANARY))

    assert CANARY == plan.supplied["n8n-webhook-api-key"].reveal(), "the value arrives"
    assert "n8n-webhook-api-key" not in plan.generated, "what the user supplies is not made"
    assert CANARY not in repr(plan), "a plan may be logged"


def test_what_an_unused_section_would_need_is_supplied_empty():
    plan = resolve(configuration(stack="dev"))

    assert "" == plan.supplied["embedding-api-key"].reveal(), "no embedding service, no key"


@pytest.mark.parametrize(
    ("secrets", "settings", "where"),
    [
        ({"hcloud_token": CANARY}, {}, "homeport:hcloud-token"),
        ({"redis_password": CANARY}, {"rotate": {"redis-password": 2}}, "homeport:settings.rotate.redis-password"),
    ],
)
def test_a_secret_that_nothing_reads_and_the_rotation_of_a_supplied_one_are_refused(secrets, settings, where):
    with pytest.raises(SettingsError) as refused:
        resolve(configuration(settings, stack="dev", **secrets))

    assert [where] == [problem.path for problem in refused.value.problems], "a slip of the pen, or a secret too many"


def test_the_images_of_a_plan_are_its_services_and_its_tools_each_once():
    tunnel = {
        "hosts": RENTED["hosts"],
        "domain": "example.com",
        "cloudflare": {"account_id": "a" * 32, "zone_id": "b" * 32, "team": "example"},
        "access": {"emails": ["admin@example.com"]},
    }
    plan = resolve(configuration(tunnel, preset="jett"), sealed=True)

    assert {*plan.blueprint.tools.values()} < {*plan.images}, "the connector of the tunnel comes out of an image"
    assert sorted(set(plan.images)) == sorted(plan.images), "nothing is fetched twice"


@pytest.mark.parametrize(
    ("preset", "stack", "exposure"),
    [("jett", "dev", "local"), ("jett", "prod", "tunnel"), ("ai-orchestrator", "prod", "direct")],
)
def test_defaults_come_from_the_environment_and_then_from_the_preset(preset, stack, exposure):
    assert exposure == with_defaults(stack, preset, {})["exposure"], "nobody is asked what follows from the rest"
