"""Whatever uses a service that is off is off with it, or refused: every set of services of every preset is tried."""

from __future__ import annotations

import itertools
import json
import random
import re

import pytest

from catalog.presets import registry
from homeport.model import template
from homeport.model.container import container_spec
from homeport.model.errors import BlueprintError
from homeport.plan.resolve import resolve
from homeport.render.databases import script
from homeport.render.export.tree import Export
from homeport.render.files import service_files
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT
from tests.support.one_machine import elsewhere, supplied

PRESETS = sorted(registry._BUILT)
_ALL_UP_TO = 8


def subsets(names):
    """All sets of services; of a large system each service by itself, and sets by chance, the same in every run."""
    sizes = range(1, len(names) if len(names) <= _ALL_UP_TO else 2)
    yield from (off for size in sizes for off in itertools.combinations(names, size))
    if len(names) > _ALL_UP_TO:
        chance = random.Random(1103)  # noqa: S311  # the same sets in every run and process
        sizes = [size for size in range(2, len(names)) for _ in range(3)]
        yield from sorted({tuple(sorted(chance.sample(names, size))) for size in sizes})


SUBSETS = [
    (preset, off)
    for preset in PRESETS
    for off in subsets([each.name for each in registry.preset(preset).services if each.name not in elsewhere(preset)])
]


def planned(preset, off, **more):
    # Said of each: a preset may leave some out in dev.
    out = {*off, *elsewhere(preset)}
    settings = {"services": {each.name: {"enabled": each.name not in out} for each in registry.preset(preset).services}}
    values = {"homeport:preset": preset, "homeport:settings": json.dumps(settings | more)}
    secrets = supplied(preset)
    return resolve(Configuration("dev", values | secrets, frozenset(secrets)))


def needed(preset, off):
    """Services that are on and need, near or far, one that is off; and what only a proxy that is off guards.

    The proxy itself needs none: without a route's service it has one route less.
    """
    whole = registry.preset(preset)
    # In dev no tunnel leads to a stack, so its connector does not run.
    services = [service for service in whole.services if not service.connector]
    missing, proxies = set(off), {service.name for service in services if service.edge}
    while True:
        needing = (service for service in services if set(service.needs) & missing and not service.edge)
        more = {service.name for service in needing} - missing
        if not more:
            break
        missing |= more
    guarded = {route.service for route in whole.routes if proxies} if proxies & set(off) else set()
    return (missing | guarded) - set(off)


@pytest.mark.req("CF-03")
@pytest.mark.parametrize(
    ("preset", "off"), SUBSETS, ids=lambda value: value if isinstance(value, str) else "-".join(value)
)
def test_what_uses_a_service_that_is_off_is_off_or_refused(preset, off):
    try:
        plan = planned(preset, off)
    except BlueprintError as refused:
        assert needed(preset, off), f"refused without need: {refused}"
        assert all(
            "Run: bin/homeport pulumi config set --path homeport:settings.services." in one.fix
            for one in refused.problems
        )
        return
    blueprint = plan.blueprint

    assert set() == needed(preset, off), "something that is on uses it"
    assert set() == set(off) & {route.service for route in blueprint.routes}, "no dead route"
    assert set() == set(off) & {database.server for database in blueprint.databases}, "no database without a server"
    assert set() == set(off) & {service for host in plan.hosts.values() for service in host.images}, (
        "nothing is fetched"
    )
    texts = blueprint.texts() | dict.fromkeys(blueprint.secrets(), "s3cret")
    connections = {name: template.fill(text, texts, template.URL) for name, text in blueprint.connections.items()}
    listening = {str(port.outside) for service in blueprint.services for port in blueprint.published(service)}
    assert listening >= {re.search(r":(\d+)(?:/|$)", text)[1] for text in connections.values()}, "no dead connection"
    for name, owners in blueprint.secrets().items():
        assert not set(owners) <= set(off), f"{name} is a credential for nobody"
    rules = {rule.opening.purpose for host in plan.hosts.values() for rule in host.rules}
    assert set() == set(off) & rules, "no port of a VPN member leads to it"
    values = [value for service in blueprint.services for value in container_spec(blueprint, service).env.values()]
    others = {word for value in values for word in re.findall(r"^(?:https?://)?([a-z][a-z0-9-]*)(?::\d+)?$", value)}
    assert set() == set(off) & others, "no container asks for it"
    for service in blueprint.services:
        service_files(blueprint, service, ROOT)
        script(blueprint, service.name, ROOT, dict.fromkeys(blueprint.secrets(), "s3cret"))
    whole = Export(blueprint=blueprint, preset=registry.preset(preset), specs=plan.secrets, root=ROOT)
    compose = whole.tree()["docker-compose.yml"].decode()
    assert [] == [name for name in off if re.search(rf"(?<![\w-]){re.escape(name)}\b(?![-/])", compose)], (
        "nor does compose"
    )


@pytest.mark.req("CF-03")
def test_some_sets_are_planned_and_some_refused():
    planned_sets = [(preset, off) for preset, off in SUBSETS if not needed(preset, off)]

    assert {*PRESETS} == {preset for preset, _ in planned_sets}
    assert 10 <= len(planned_sets) <= len(SUBSETS) - 10


def test_a_connection_names_the_port_that_the_settings_chose():
    plan = planned("jett", (), services={"postgres": {"port": 6432}})
    texts = plan.blueprint.texts() | {"jett-app-password": "a/b"}

    assert "postgresql://jett_app:a%2Fb@127.0.0.1:6432/jett" == template.fill(
        plan.blueprint.connections["postgres"], texts, template.URL
    )
