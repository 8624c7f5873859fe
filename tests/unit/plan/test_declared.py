"""What presets and services declare reaches the blueprint: options, groups of options, sign-in pages."""

import json

import pytest

from homeport.model.errors import BlueprintError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

EMBEDDING = {"url": "https://api.example.com/v1", "model": "small", "dimensions": 8}


def blueprint(preset, **settings):
    values = {"homeport:preset": preset, "homeport:settings": json.dumps({"exposure": "local", **settings})}
    return resolve(Configuration("dev", values), sealed=True).blueprint


@pytest.mark.parametrize(
    ("preset", "service", "expected"),
    [
        (
            "ai-orchestrator",
            "ai-n8n",
            [("the proxy", "admin", "n8n-owner-password"), ("ai-n8n", "owner@example.com", "n8n-owner-password")],
        ),
        ("jett", "n8n", [("n8n", "owner@example.com", "n8n-owner-password")]),
        ("jett", "portainer", [("portainer", "admin", "portainer-admin-password")]),
        ("jett", "qdrant", []),
    ],
)
def test_each_service_says_who_asks_a_person_for_which_user_and_password(preset, service, expected):
    system = blueprint(preset)

    assert expected == [
        (asked["asked_by"], asked["user"], asked["secret"]) for asked in system.sign_ins(system.service(service))
    ], "the user of one preset is not that of another"


def test_the_user_of_a_sign_in_page_is_the_one_that_the_settings_choose():
    system = blueprint("jett", options={"n8n-user": "jo@example.com"})

    assert "jo@example.com" == system.sign_ins(system.service("n8n"))[0]["user"], "the page asks for that one"


def test_a_group_of_options_has_its_defaults_until_it_is_chosen():
    names = ("embedding-url", "embedding-model", "embedding-dimensions")
    without, chosen = (blueprint("ai-orchestrator", **more) for more in ({}, {"embedding": EMBEDDING}))

    assert ["", "", "384"] == [without.values[name] for name in names], "the local embedder's own length"
    assert ["https://api.example.com/v1", "small", "8"] == [chosen.values[name] for name in names]
    assert (True, False) == tuple(
        any("embedding" in line for line in system.skipped) for system in (without, chosen)
    ), "what a stack does without is said"


def test_a_group_of_options_that_the_preset_does_not_read_is_refused():
    with pytest.raises(BlueprintError, match=r"homeport:settings\.embedding: the preset jett does not read it"):
        blueprint("jett", embedding=EMBEDDING)
