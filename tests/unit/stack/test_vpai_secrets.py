"""Secrets of the preset vpai: encrypted in the configuration, on hosts files that their owner alone reads."""

from __future__ import annotations

import json

import pytest

from homeport.model.container import container_spec
from homeport.model.errors import SettingsError
from homeport.plan.resolve import resolve
from homeport.render.export import compose
from homeport.settings.load import Configuration
from homeport.settings.strength import weakness
from tests.unit.stack.graph import only_tried
from tests.unit.stack.test_graph import DRAWN, STACKS, forms, leaks

PRESET, SETTINGS, SECRETS = STACKS["vpai.hosts"]


def configuration(encrypted=()):
    settings = {**SETTINGS, "waivers": {"placeholders": only_tried()}}
    values = {"homeport:preset": PRESET, "homeport:settings": json.dumps(settings)}
    held = {f"homeport:{name}": value for name, value in SECRETS.items()}
    return Configuration("prod", values | held, frozenset(encrypted))


@pytest.mark.req("S5-76")
def test_a_secret_that_is_stored_in_plain_is_refused_each_by_its_name():
    with pytest.raises(SettingsError) as refused:
        resolve(configuration())
    plain = {problem.path for problem in refused.value.problems if "is stored in plain" in problem.what}

    assert {f"homeport:{name}" for name in SECRETS} == plain
    resolve(configuration(f"homeport:{name}" for name in SECRETS))


def test_what_is_made_might_have_been_supplied(build):
    exports = build(SETTINGS, SECRETS, PRESET, stack="prod").exports["credentials"]["value"]
    plan = resolve(configuration(f"homeport:{name}" for name in SECRETS))
    wrong = {name: weakness(kind, exports[name]) for name, kind in plan.generated.items()}

    assert len(wrong) > 10, "the preset is not the one this test is about"
    assert {} == {name: what for name, what in wrong.items() if what}, "a backup of it can be given back"
    assert {64} == {len(exports[name]) for name in ("sure-secret-key-base", "litellm-salt-key")}, "as it always was"


@pytest.mark.req("S5-76")
def test_no_secret_is_a_plain_input_of_any_resource(build):
    graph = build(SETTINGS, SECRETS, PRESET, stack="prod")
    drawn = [form for resource in graph.all(DRAWN) for form in forms(resource["name"])]
    supplied = [value for value in SECRETS.values() if len(value) >= 16]

    assert len(drawn) > 40 and len(supplied) > 8, "the graph is not the one this test is about"
    assert [] == leaks(graph, [*drawn, *supplied]), "docker inspect, process lists and previews show none"


@pytest.mark.req("S5-76", "S5-79")
def test_what_is_expanded_on_a_host_is_read_by_its_owner_alone():
    plan = resolve(configuration(f"homeport:{name}" for name in SECRETS))
    files = {
        f"{service.name}:{file.target}": file.mode
        for service in plan.blueprint.services
        for file in service.secret_files
    }
    env = {file.path: file.mode for file in compose.files(PRESET) if file.path.endswith(".env")}
    shown = [
        f"{service.name}.{key}"
        for service in plan.blueprint.services
        for key, value in container_spec(plan.blueprint, service).env.items()
        if any(f"{{{name}}}" in value for name in plan.secrets)
    ]

    assert len(files) > 10, "the preset is not the one this test is about"
    assert {} == {name: f"{mode:o}" for name, mode in files.items() if mode & 0o377}, "in containers: 0400"
    assert {"/opt/vpai/.env": 0o600} == env, "beside the compose file on each host"
    assert [] == shown, "an environment is in docker inspect for good"
