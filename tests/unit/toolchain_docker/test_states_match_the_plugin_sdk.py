"""Plans and states of random inputs, against those that Terraform's plugin SDK v2 made of the upstream schemas.

The case files were written by the SDK itself (version 2.38.1, `PlanResourceChange`, `ApplyResourceChange`,
`ReadResource`) around the schemas of kreuzwerker/terraform-provider-docker with functions that only set what `read_…`
says. Nulls are left out.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from toolchain.plugins.base import UNKNOWN
from toolchain.plugins.docker.container_schema import CONTAINER
from toolchain.plugins.docker.network import NETWORK
from toolchain.plugins.tfbridge.plan import planned
from toolchain.plugins.tfbridge.state import after_create, after_read, partial

CASES = sorted((Path(__file__).parent / "cases").glob("*.json"))
SCHEMAS = {"container": CONTAINER, "network": NETWORK}


def known_to_us(value):
    if value == {"$unknown": True}:
        return UNKNOWN
    if isinstance(value, dict):
        return {key: known_to_us(item) for key, item in value.items()}
    if isinstance(value, list):
        return [known_to_us(item) for item in value]
    return value


def without_nulls(state):
    return {key: value for key, value in state.items() if value is not None}


def content_of(path):
    return known_to_us(json.loads(path.read_text(encoding="utf-8")))


def whole(schema, state):
    return {name: state.get(name) for name in schema}


def cases_with(part):
    """Schema and content of each case that has that part; one with unknown inputs has a plan only."""
    cases = [(path.stem, SCHEMAS[path.stem.split("-")[0]], content_of(path)) for path in CASES]
    return [pytest.param(schema, content, id=name) for name, schema, content in cases if part in content]


@pytest.mark.parametrize(("schema", "content"), cases_with("planned"))
def test_the_plan_of_a_new_resource_is_the_sdks(schema, content):
    assert content["planned"] == without_nulls(planned(schema, None, content["config"])), "the plan differs"


@pytest.mark.parametrize(("schema", "content"), cases_with("created"))
def test_the_state_after_creation_is_the_sdks(schema, content):
    plan = planned(schema, None, content["config"])
    got = after_create(schema, plan, content["read_after_create"])
    assert content["created"] == without_nulls(got), "the state after creation differs"


@pytest.mark.parametrize(("schema", "content"), cases_with("failed_half_way"))
def test_the_state_of_a_creation_that_failed_half_way_is_the_sdks(schema, content):
    plan = planned(schema, None, content["config"])
    assert content["failed_half_way"] == without_nulls(partial(schema, plan)), "the partial state differs"


@pytest.mark.parametrize(("schema", "content"), cases_with("refreshed"))
def test_the_state_after_a_refresh_is_the_sdks(schema, content):
    got = after_read(schema, whole(schema, content["created"]), content["read_at_refresh"])
    assert content["refreshed"] == without_nulls(got), "the refreshed state differs"


@pytest.mark.parametrize(("schema", "content"), cases_with("planned_update"))
def test_the_plan_of_a_change_is_the_sdks(schema, content):
    got = planned(schema, whole(schema, content["refreshed"]), content["config_of_update"])
    assert content["planned_update"] == without_nulls(got), "the plan of the change differs"
