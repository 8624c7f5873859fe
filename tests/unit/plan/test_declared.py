"""What presets and services declare reaches the blueprint: options, groups of options, sign-in pages."""

import json

import pytest

from homeport.cli import docs
from homeport.model.errors import BlueprintError
from homeport.model.sign_in import doors
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration

EMBEDDING = {"url": "https://api.example.com/v1", "model": "small", "dimensions": 8}


def blueprint(preset, **settings):
    values = {"homeport:preset": preset, "homeport:settings": json.dumps({"exposure": "local", **settings})}
    return resolve(Configuration(settings.get("environment", "dev"), values), sealed=True).blueprint


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
        ("jett", "qdrant", None),
    ],
)
def test_each_address_says_who_asks_a_person_for_which_user_and_password(preset, service, expected):
    logins = {door.service: door.logins for door in doors(blueprint(preset))}.get(service)

    assert expected == (logins and [(login.asked_by, login.user, login.secret) for login in logins]), (
        "the user of one preset is not that of another"
    )


TUNNEL = {
    "environment": "prod",
    "exposure": "tunnel",
    "domain": "example.com",
    "cloudflare": {"account_id": "a" * 32, "zone_id": "b" * 32, "team": "example"},
    "access": {"emails": ["jo@example.com"], "email_domains": ["example.org"]},
    "hosts": {
        "main": {
            "mode": "adopt",
            "address": "198.51.100.7",
            "host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGVbmlF3HyDJtv5SpvDLyucYVNW6FunhMNWg25eAWqZ1",
        }
    },
}


@pytest.mark.req("NW-01")
def test_a_browser_is_asked_by_access_first_and_by_the_service_then():
    system = doors(blueprint("jett", **TUNNEL))
    public, private = (
        [door for door in system if door.service == "n8n" and at in door.address] for at in (".com", ":5678")
    )

    assert [
        ("Cloudflare Access", "jo@example.com or anybody @example.org, by a code by mail", ""),
        ("n8n", "owner@example.com", "n8n-owner-password"),
    ] == [(login.asked_by, login.user, login.secret) for login in public[0].logins], "in the order of a browser's pages"
    assert ["n8n"] == [login.asked_by for login in private[0].logins], "nobody stands before it in the VPN"


@pytest.mark.req("NW-01")
def test_a_program_is_told_its_header_and_the_secret():
    door = next(door for door in doors(blueprint("ai-orchestrator")) if door.service == "ai-n8n")

    assert [("/webhook/*", "X-API-Key", "n8n-webhook-api-key")] == [
        (header.path, header.header, header.secret) for header in door.headers
    ]


@pytest.mark.req("NW-01")
def test_a_program_behind_access_is_told_both_parts_of_its_token():
    door = next(door for door in doors(blueprint("jett", **TUNNEL)) if door.service == "n8n")

    assert {
        ("CF-Access-Client-Id", "service-token-n8n-id"),
        ("CF-Access-Client-Secret", "service-token-n8n-secret"),
    } == {(header.header, header.secret) for header in door.headers}


@pytest.mark.req("NW-01")
@pytest.mark.parametrize("preset", ["ai-orchestrator", "jett"])
def test_the_page_of_the_catalog_says_the_same(preset):
    page = docs.catalog().split(f"## {preset}\n")[1].split("\n## ")[0]
    for door in doors(blueprint(preset)):
        for login in door.logins:
            assert f"{login.asked_by}: `{login.user}`, `{login.secret}`" in page, f"{door.address}: {login}"


@pytest.mark.req("NW-01")
def test_the_readme_names_the_logins_of_the_editor_as_credentials_does():
    row = next(line for line in (docs.ROOT / "README.md").read_text().splitlines() if "n8n's editor" in line)
    door = next(door for door in doors(blueprint("ai-orchestrator")) if door.service == "ai-n8n")

    assert door.address in row, row
    positions = [row.find(f"`{login.user}`") for login in door.logins]
    assert -1 not in positions, f"each login's user: {row}"
    assert positions == sorted(positions), f"in their order: {row}"
    assert all(login.secret in row for login in door.logins), row


def test_the_user_of_a_sign_in_page_is_the_one_that_the_settings_choose():
    system = blueprint("jett", options={"n8n-user": "jo@example.com"})

    users = [login.user for door in doors(system) if door.service == "n8n" for login in door.logins]
    assert ["jo@example.com"] == users, "the page asks for that one"


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
