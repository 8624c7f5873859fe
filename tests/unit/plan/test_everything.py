"""All that is wrong is named at once, whatever it is that is seen first; and nothing that is not."""

from __future__ import annotations

import json
from datetime import date
from itertools import combinations

import pytest

from homeport.model.errors import ProblemsError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

TODAY = date(2026, 11, 29)
RIGHT = {
    "environment": "prod",
    "domain": "our.dev",
    "exposure": "tunnel",
    "hosts": {"main": {"mode": "create", "server_type": "cx33", "location": "fsn1"}},
    "cloudflare": {
        "account_id": "8c6f1e0b92d74a35b1e8f0c7d2a9463e",
        "zone_id": "f3a90c5d17e24b86a0d2c9e8b7416f5a",
        "team": "ours",
    },
    "access": {"emails": ["jane@our.dev"]},
}
HELD = frozenset({"homeport:hcloud-token", "homeport:cloudflare-api-token"})
WRONG = {
    "homeport:settings.domian": lambda settings, _: settings.update(domian="our.dev"),
    "homeport:settings.protect_data": lambda settings, _: settings.update(protect_data="true"),
    "homeport:settings.services.n8m": lambda settings, _: settings.update(services={"n8m": {"memory": 512}}),
    "homeport:settings.networks.nowhere": lambda settings, _: settings.update(networks={"nowhere": "10.9.0.0/24"}),
    "homeport:settings.hostnames.editr": lambda settings, _: settings.update(hostnames={"editr": "e.our.dev"}),
    "homeport:settings.options.colour": lambda settings, _: settings.setdefault("options", {}).update(colour="red"),
    "homeport:settings.options.qdrant-size": lambda settings, _: settings.setdefault("options", {}).update(
        {"qdrant-size": "70000"}
    ),
    "homeport:settings.hosts.main.location": lambda settings, _: settings["hosts"]["main"].pop("location"),
    "homeport:settings.acme_email": lambda settings, _: settings.update(acme_email="admin@example.com"),
    "homeport:settings.cloudflare.zone_id": lambda settings, _: settings["cloudflare"].update(zone_id="0" * 32),
    "homeport:hcloud-token": lambda _, held: held.discard("homeport:hcloud-token"),
    "homeport:cloudflare-api-token": lambda _, held: held.discard("homeport:cloudflare-api-token"),
    "homeport:a-stray-key": lambda _, held: held.add("homeport:a-stray-key"),
}
"""Where a mistake is named, to how it is made."""


def named(*mistakes, preset="jett", values=()):
    settings, held = json.loads(json.dumps(RIGHT)), set(HELD)
    for mistake in mistakes:
        WRONG[mistake](settings, held)
    keys = {"homeport:preset": preset, "homeport:settings": json.dumps(settings), **dict(values)}
    try:
        resolve(Configuration("prod", keys, unread=frozenset(held)), today=TODAY)
    except ProblemsError as refused:
        return {problem.path: problem.what for problem in refused.problems}
    return {}


def test_what_the_mistakes_are_made_in_is_right():
    assert {} == named()


@pytest.mark.req("NW-19")
@pytest.mark.parametrize("mistake", WRONG)
def test_a_mistake_is_named_alone(mistake):
    assert {mistake} == set(named(mistake))


@pytest.mark.req("NW-19")
def test_any_two_mistakes_are_named_together_and_nothing_else():
    for pair in combinations(WRONG, 2):
        assert set(pair) == set(named(*pair)), pair


@pytest.mark.req("NW-19")
def test_all_mistakes_together_are_one_list():
    assert set(WRONG) == set(named(*WRONG))


@pytest.mark.req("NW-19")
def test_a_wrong_presets_name_hides_nothing_that_can_be_known():
    local = [where for where in WRONG if where != "homeport:settings.options.qdrant-size"]
    found = named(*local, preset="jet")

    assert {"homeport:preset", *local} == set(found)
    assert "no preset has n8m; did you mean n8n?" == found["homeport:settings.services.n8m"]
    of_another = {"homeport:settings": json.dumps({**RIGHT, "services": {"ai-redis": {"memory": 512}}})}
    assert {"homeport:preset"} == set(named(preset="jet", values=of_another)), "some preset has it"


@pytest.mark.req("NW-19")
def test_a_weak_secret_hides_no_contradiction():
    settings = json.loads(json.dumps(RIGHT)) | {"exposure": "direct"}
    keys = {"homeport:redis-password": "short", "homeport:settings": json.dumps(settings)}
    found = named(values=keys)

    assert "homeport:redis-password" in found, "no preset's, and weak"
    assert "homeport:settings.exposure" in found, "opens nothing: no proxy is there"
