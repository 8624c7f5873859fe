"""What presets and services declare for the settings is collected once, and contradictions are refused."""

from dataclasses import replace

import pytest

from catalog.presets import registry
from homeport.model.declarations import declarations
from homeport.model.secret import SecretSpec
from homeport.settings.secret_specs import GENERAL, known_secrets


@pytest.mark.parametrize("name", sorted(registry._BUILT))
def test_every_secret_that_a_preset_uses_is_declared_by_it_or_by_its_services(name):
    preset = registry.preset(name)
    used = {secret for service in preset.services for file in service.secret_files for secret in file.secrets}
    routes = (*preset.routes, *preset.guests)
    used |= {guard.secret for route in routes for guard in (*route.guards, *route.without_access) if guard.secret}
    chosen = set(preset.options) | {
        f"{group}-{key}" for group in preset.groups for key, _ in preset.groups[group].options
    }
    # What every text may name besides (Blueprint.texts).
    chosen |= {"environment", "domain"}
    named = {name for program in preset.programs for name in program.names}
    used |= {name for name in named - chosen if ":" not in name}
    used |= {role.secret for database in preset.databases for role in database.roles if role.secret}

    assert used == set(declarations([preset]).secrets), "none without a purpose, and none that nothing reads"


def test_a_secret_that_two_services_describe_differently_is_refused():
    first = registry.preset("jett")
    other = replace(first, services=(), secrets=(SecretSpec(name="postgres-password", purpose="for something else"),))

    with pytest.raises(ValueError, match="jett describes the secret postgres-password in another way"):
        declarations([first, other])


def test_secrets_of_the_layers_are_known_beside_those_of_the_catalog():
    known = known_secrets(registry.declared())

    assert set(GENERAL) | {"postgres-password", "embedding-api-key"} <= set(known), "settings accept both"
    assert {"supplied"} == {spec.policy for spec in GENERAL.values()}, "nothing of ours can make a cloud's token"
