"""Backups of presets that have none unless the settings ask for them, and what the hosts get then."""

import json

import pytest

from catalog.backups.offsite import ENVIRONMENT
from catalog.presets import registry
from homeport.model import template
from homeport.model.errors import ProblemsError, SettingsError
from homeport.plan.resolve import resolve
from homeport.settings.load import Configuration
from homeport.settings.schema import ENVIRONMENTS

OFFSITE = {"endpoint": "https://s3.example.com", "region": "fsn1", "bucket": "platform-backups"}
HOST = {"main": {"mode": "create", "server_type": "cx23", "location": "fsn1"}}
CLOUDFLARE = {"account_id": "0" * 32, "zone_id": "1" * 32, "team": "example"}
TUNNEL = {
    "jett": {"exposure": "tunnel", "cloudflare": CLOUDFLARE, "access": {"emails": ["admin@example.com"]}},
    "shared-infrastructure": {"exposure": "direct"},
}
STORES = {
    "jett": {
        "PG_SERVERS": "?postgres=jett",
        "QDRANT_SERVERS": "?qdrant=6333@/etc/homeport/api_key",
        "N8N_CONTAINER": "?n8n",
        "FILES": "?n8n=/home/node/.n8n",
    },
    "ai-orchestrator": {
        "PG_SERVERS": "?ai-postgres=postgres",
        "PG_CHECKS": "ai_memory=audit_verify",
        "COPIES": "?!ai-redis=/data:appendonlydir",
        "N8N_CONTAINER": "?ai-n8n",
        "FILES": "?ai-n8n=/home/node/.n8n",
    },
    "shared-infrastructure": {
        "PG_SERVERS": "?infisical-db=postgres",
        "COPIES": "?!infisical-redis=/data:appendonlydir ?!redis=/data:appendonlydir",
        "CLIENTS": "?infisical-backend",
        "N8N_CONTAINER": "",
    },
}
TEXTS = {
    name: file.text
    for name in registry.names()
    for program in registry.preset(name).programs
    for file in program.files
    if file.target == ENVIRONMENT and "OFFSITE_NAME=" in file.text
}
"""Of each preset that copies elsewhere, what says so."""


def plan(preset, *, sealed=True, **settings):
    chosen = {"environment": "prod", "domain": "example.com", "hosts": HOST, "protect_data": True, **settings}
    chosen |= TUNNEL.get(preset, {})
    values = {"homeport:preset": preset, "homeport:settings": json.dumps(chosen)}
    return resolve(Configuration("prod", values), sealed=sealed)


@pytest.mark.req("S2-59", "S3-57")
@pytest.mark.parametrize("preset", STORES)
def test_backups_are_there_where_the_settings_say_where_to_and_nothing_of_them_elsewhere(preset):
    without, chosen = plan(preset).blueprint, plan(preset, offsite=OFFSITE).blueprint

    assert [] == [program.name for program in without.programs], "off unless configured"
    assert "restic" not in without.tools, "nor is the tool there"
    assert not [name for name in without.secrets() if name.startswith("offsite-")], "nor a secret"
    told = "backups: nothing is copied until homeport:settings.offsite says where to"
    assert (True, False) == (told in without.skipped, told in chosen.skipped), "who has none is told"
    assert ["backups"] == [program.name for program in chosen.programs]
    assert "restic" in chosen.tools
    secrets = [name for name in chosen.secrets() if name.startswith("offsite-")]
    assert ["offsite-access-key", "offsite-repository-password", "offsite-secret-key"] == sorted(secrets)


@pytest.mark.req("S2-59", "S3-57")
@pytest.mark.parametrize(("preset", "stores"), STORES.items())
def test_what_is_backed_up_is_what_the_system_stores(preset, stores):
    blueprint = plan(preset, offsite=OFFSITE).blueprint
    (file,) = [file for file in blueprint.programs[0].files if file.target.endswith("backup.env")]
    text = template.fill(file.text, blueprint.texts(), file.syntax)
    lines = dict(line.split("=", 1) for line in text.splitlines())

    assert stores == {name: lines[name] for name in stores}
    assert ("https://s3.example.com", "fsn1") == (lines["S3_ENDPOINT"], lines["S3_REGION"])
    assert f"prod-{preset}" == lines["OFFSITE_NAME"]


def repositories(preset, environment):
    """What its hosts may call their repositories in the bucket."""
    (words,) = (line for line in TEXTS[preset].splitlines() if line.startswith("OFFSITE_NAME="))
    filled = template.fill(words.partition("=")[2], {"environment": environment}, template.LINE)
    return [word.rpartition("=")[2] for word in filled.split()]


@pytest.mark.parametrize("preset", TEXTS)
def test_two_environments_may_share_a_bucket(preset):
    names = [name for environment in ENVIRONMENTS for name in repositories(preset, environment)]

    assert {*STORES, "vpai"} == {*TEXTS}, "every preset that copies elsewhere"
    assert len(names) == len({*names}), "no repository is another environment's too"


@pytest.mark.parametrize("preset", STORES)
def test_the_keys_of_the_bucket_are_asked_for_at_once(preset):
    with pytest.raises(SettingsError) as caught:
        plan(preset, sealed=False, offsite=OFFSITE)

    missing = {problem.path for problem in caught.value.problems}
    assert {"homeport:offsite-access-key", "homeport:offsite-secret-key"} <= missing
    assert "homeport:offsite-repository-password" not in missing, "that one is made"


@pytest.mark.parametrize(
    ("preset", "option"),
    [(name, option) for name in registry.names() for option in registry.preset(name).options if "-keep" in option],
)
def test_copies_that_are_not_kept_are_refused_by_name(preset, option):
    with pytest.raises(ProblemsError) as refused:
        plan(preset, options={option: "0"})

    assert f"homeport:settings.options.{option}" in {problem.path for problem in refused.value.problems}
