"""Twenty images that nobody here chose: each is one block, as `homeport add` makes it. Facts: tests/cases/images."""

from __future__ import annotations

import pytest
import yaml

from homeport.cli import importing
from homeport.cli.stack import read
from homeport.model.container import container_spec
from homeport.settings.kinds import image as image_reference
from tests.unit.cli.image_cases import BLOCKS, CASES, FOLDER, added, case, text

WEAKER = ("root", "writable_root", "capabilities")


@pytest.mark.req("OS-25")
def test_there_are_twenty_in_the_order_of_the_list():
    listed = [case(path)["listed"] for path in CASES]

    assert list(range(1, 21)) == [int(path.stem[:2]) for path in CASES]
    assert sorted(listed) == listed, "taken as they come, and not as they please"
    assert [] == [path.stem for path in CASES if not case(path)["source"].startswith("https://github.com/")]
    assert yaml.safe_load((FOLDER / "rule.yaml").read_text())["rule"], "by a rule that is written down"


@pytest.mark.req("OS-25")
def test_each_becomes_the_block_that_was_read():
    assert BLOCKS.read_text() == text(), "read the difference, then: python -m tests.unit.cli.image_cases"


@pytest.mark.req("OS-25")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_each_is_planned_on_a_dev_stack_and_hardened_but_for_what_has_a_reason(path):
    said = case(path)
    result = added(said)
    blueprint = importing.checked(read("dev"), {result.name: result.block}).plan.blueprint
    (service,) = [service for service in blueprint.services if service.name == result.name]
    spec = container_spec(blueprint, service)
    asks = said.get("asks", {})

    assert image_reference(said["image"]) == spec.image
    assert ("root" in asks) == (spec.user.partition(":")[0] == "0"), "root by a reason alone"
    assert ("writable_root" in asks) != spec.read_only, "a root that can be written to by a reason alone"
    assert {f"CAP_{name}" for name in asks.get("capabilities", {})} == set(spec.capabilities_added)
    assert spec.probe, "it is asked how it is"


@pytest.mark.req("OS-25")
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_where_hardening_may_not_hold_it_says_so_with_the_waiver_to_write(path):
    said = case(path)
    careful = {key: value for key, value in said.get("asks", {}).items() if key not in WEAKER}
    result = added(said, asks=careful)
    starts_as_root = said["says"].get("user", "root") in {"root", "0"}

    assert starts_as_root == any('--root "<why>"' in warning for warning in result.warnings)
    assert any('--writable-root "<why>"' in warning for warning in result.warnings)
    assert importing.checked(read("dev"), {result.name: result.block}), "and without a waiver it is careful, not wrong"
