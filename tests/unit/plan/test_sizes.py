"""What a service's limits and image decide: sizes in its files, the least memory, the major of its data, the kernel."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace

import pytest

from catalog.presets import registry
from homeport.cli.ahead import _majors
from homeport.model.errors import BlueprintError
from homeport.model.service import Limits
from homeport.plan.resolve import resolve
from homeport.render import sysctl
from homeport.render.files import service_files
from homeport.settings.load import Configuration
from tests.support.checkout import ROOT
from tests.support.one_machine import elsewhere, supplied

UNITS = {"k": 1, "m": 1024, "g": 1024**2}
SIZED = [
    (preset, service.name)
    for preset in sorted(registry._BUILT)
    for service in registry.preset(preset).services
    if any(file.sizes for file in service.files)
]


def planned(preset, service, **override):
    # Said of each, for a preset may leave some out in dev.
    there = [each for each in registry.preset(preset).services if not each.connector]
    services = {each.name: {"enabled": each.name not in elsewhere(preset)} for each in there}
    chosen = {service: {"enabled": True, **override}} if override else {}
    settings = {"services": {**services, **chosen}}
    values = {"homeport:preset": preset, "homeport:settings": json.dumps(settings)}
    return resolve(Configuration("dev", values | supplied(preset), frozenset(supplied(preset))))


def sizes(preset, name, **override):
    """Kilobytes of each setting that follows the memory, and the limit in kilobytes."""
    blueprint = planned(preset, name, **override).blueprint
    service = blueprint.service(name)
    files = service_files(blueprint, service, ROOT).plain
    found = {
        setting: re.search(rf"^{setting}(?: *= *| +)(\d+)([kKmMgG])[bB]", files[file.target][1].decode(), re.MULTILINE)
        for file in service.files
        for setting in file.sizes
    }
    return {key: int(match[1]) * UNITS[match[2].lower()] for key, match in found.items()}, service.limits.memory * 1024


@pytest.mark.req("CF-10")
@pytest.mark.parametrize(("preset", "name"), SIZED)
@pytest.mark.parametrize("memory", [128, 200, 333, 1024, 8192])
def test_sizes_in_files_keep_their_share_of_the_memory(preset, name, memory):
    usual, limit = sizes(preset, name)
    (least,) = (one.limits.least for one in registry.preset(preset).services if one.name == name)
    memory = max(memory, least)
    now, smaller = sizes(preset, name, memory=memory)

    assert usual.keys() == now.keys()
    assert all(abs(now[key] / smaller - usual[key] / limit) < 0.01 for key in usual), f"{now} of {smaller}"
    assert sizes(preset, name, memory=limit // 1024) == (usual, limit), "its own memory, said again, changes nothing"


@pytest.mark.req("CF-10")
@pytest.mark.parametrize(("preset", "name"), [*SIZED, ("ai-orchestrator", "ai-executor")])
def test_less_memory_than_a_service_needs_is_refused_with_the_least(preset, name):
    (service,) = [one for one in registry.preset(preset).services if one.name == name]
    least = service.limits.least
    with pytest.raises(BlueprintError) as refused:
        planned(preset, name, memory=least - 1)

    (problem,) = refused.value.problems
    assert f"homeport:settings.services.{name}.memory" == problem.path
    assert problem.fix.endswith(f".memory {least}"), "what it proposes is accepted"
    assert planned(preset, name, memory=least)


@pytest.mark.req("CF-10")
def test_shared_memory_stays_below_the_limit():
    assert 32 == Limits(memory=128, sized_for=512).share(128)


@pytest.mark.req("CF-09")
@pytest.mark.parametrize(
    ("preset", "name", "image", "major"),
    [
        ("jett", "postgres", "postgres:17-alpine", "17"),
        ("jett", "postgres", "postgres:16.4", "16"),
        ("jett", "postgres", "registry.example.com:5000/mine:stable", ""),
        ("ai-orchestrator", "ai-postgres", "pgvector/pgvector:pg17", "17"),
        ("ai-orchestrator", "ai-postgres", "pgvector/pgvector:0.8.1-pg15-trixie", "15"),
    ],
)
def test_an_image_of_another_major_than_the_data_is_refused(preset, name, image, major):
    (service,) = [one for one in registry.preset(preset).services if one.name == name]
    with pytest.raises(BlueprintError) as refused:
        planned(preset, name, image=image)

    (problem,) = refused.value.problems
    assert (f"homeport:settings.services.{name}.image", major) == (problem.path, service.data_major(image))
    assert problem.fix.endswith(service.image), "back to what reads it"


@pytest.mark.req("CF-09")
@pytest.mark.parametrize(
    ("preset", "name", "image"),
    [
        ("jett", "postgres", "postgres:15.9-alpine3.20"),
        ("jett", "postgres", "registry.example.com:5000/postgres:15-trixie@sha256:" + "0" * 64),
        ("ai-orchestrator", "ai-postgres", "pgvector/pgvector:0.8.1-pg16"),
        ("ai-orchestrator", "ai-postgres", "pgvector/pgvector:pg16-trixie"),
    ],
)
def test_an_image_of_the_same_major_is_taken(preset, name, image):
    assert image == planned(preset, name, image=image).blueprint.service(name).image


@pytest.mark.req("CF-09")
@pytest.mark.parametrize(("was", "refused"), [("postgres:15.1-alpine", 0), ("postgres:14-alpine", 1), ("", 0)])
def test_data_of_an_earlier_catalog_is_refused_by_what_the_state_says_before_anything_is_removed(was, refused):
    labels = [{"label": "homeport.service", "value": "postgres"}, {"label": "homeport.image", "value": was}]
    state = {"resources": [{"type": "docker:index/container:Container", "inputs": {"labels": labels}}]}
    pulumi = SimpleNamespace(state=lambda: state, stack=SimpleNamespace(plan=planned("jett", "postgres")))

    assert refused == len(list(_majors(pulumi)))


@pytest.mark.req("CA-12")
def test_the_kernel_of_a_host_lends_memory_where_redis_runs_and_of_this_machine_it_is_said():
    (kernel,) = [file.content for file in sysctl.files({"vm.overcommit_memory": "1"}) if file.path == sysctl.KERNEL]
    plan = planned("ai-orchestrator", "")

    assert kernel.endswith("\nvm.overcommit_memory = 1\n")
    assert {"vm.overcommit_memory": "1"} == dict(plan.hosts["main"].kernel)
    assert "vm.overcommit_memory=1 for ai-redis: homeport leaves this machine's kernel alone" in plan.blueprint.skipped
    assert {} == dict(planned("jett", "").hosts["main"].kernel), "where nothing asks for it, it stays the host's own"
