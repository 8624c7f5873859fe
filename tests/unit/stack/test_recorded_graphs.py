"""What a stack is after an update by this version, beside what an earlier one registered for the same settings.

A difference is a change on somebody's machine. One that is meant stands in `tests/recordings/graph/meant.json`: case to
`<resource>` (new, or gone), `<resource> inputs.<key>` or `<resource> options.<key>`, with the reason; `*` is every
case.
"""

from __future__ import annotations

import functools
import json
from typing import Any

import pytest

from catalog.presets import registry
from tests.unit.stack.recorded import FOLDER, built, condensed

CASES = sorted(path.stem for path in FOLDER.glob("*.*.json"))
MEANT = json.loads((FOLDER / "meant.json").read_text())


@functools.cache
def before(case: str) -> dict[str, Any]:
    recorded: dict[str, Any] = json.loads((FOLDER / f"{case}.json").read_text())
    return recorded


@functools.cache
def now(case: str) -> dict[str, Any]:
    """Today's graph, a renamed resource under its name in the state, without services added since."""
    configuration = json.loads(json.dumps(before(case)["case"]))
    services = configuration["settings"].setdefault("services", {})
    added = added_since(case)
    services |= {name: {"enabled": False} for name in added}
    graph = condensed(built(configuration))
    # Off, they keep their data: volumes that the recorded stack had not.
    graph["resources"] = {
        urn: item for urn, item in graph["resources"].items() if not urn.split("::")[1].startswith(tuple(added) or "::")
    }
    skipped = graph["exports"]["skipped"]["value"]
    graph["exports"]["skipped"]["value"] = [line for line in skipped if line.partition(":")[0] not in added]
    names = {
        former: urn
        for urn, resource in graph["resources"].items()
        for former in aliases(urn, resource["options"])
        if former in before(case)["resources"] and urn not in before(case)["resources"]
    }
    text = json.dumps(graph)
    for former, urn in names.items():
        text = text.replace(json.dumps(urn), json.dumps(former))
    renamed: dict[str, Any] = json.loads(text)
    return renamed


def added_since(case: str) -> set[str]:
    """Services that the preset had not when the graph was recorded: they change nothing of what was there."""
    recorded = before(case)
    services = {service.name for service in registry.preset(recorded["case"]["preset"]).services}
    # What a stack did without, it had: the tunnel's connector of one without a tunnel.
    without = {line.partition(":")[0] for line in recorded["exports"]["skipped"]["value"]}
    return services - recorded["exports"]["services"]["value"].keys() - without


def aliases(urn: str, options: dict[str, Any]) -> list[str]:
    """The URNs that a resource may have in a state made before."""
    kind, name = urn.split("::")
    former = [text for text in options.get("aliasURNs", ()) if "::" in text]
    for alias in options.get("aliases", ()):
        if "urn" in alias:
            former.append(alias["urn"])
            continue
        spec = alias.get("spec", {})
        parent = spec.get("parentUrn") or ("" if spec.get("noParent") else options.get("parent", ""))
        above = parent.split("::")[0].rpartition("$")[2]
        below = spec.get("type") or kind.rpartition("$")[2]
        former.append(
            f"{above}${below}::{spec.get('name') or name}" if above else f"{below}::{spec.get('name') or name}"
        )
    return former


def unmeant(case: str, differences: dict[str, str]) -> list[str]:
    """Those that nobody gave a reason for."""
    reasons = {**MEANT.get("*", {}), **MEANT.get(case, {})}
    return [f"{where}: {what}" for where, what in differences.items() if where not in reasons]


def differences(case: str, part: str, ignored: frozenset[str] = frozenset()) -> dict[str, str]:
    """`<resource> <part>.<key>` to what it was and what it is."""
    result = {}
    for urn, resource in before(case)["resources"].items():
        was, today = resource[part], now(case)["resources"].get(urn, {part: resource[part]})[part]
        for key in sorted({*was, *today} - ignored):
            if was.get(key) != today.get(key):
                result[f"{urn} {part}.{key}"] = f"was {was.get(key)}, now {today.get(key)}"
    return result


def waits(resources: dict[str, Any]) -> dict[str, frozenset[str]]:
    """Each resource and all that is made before it, near or far."""

    @functools.cache
    def before_it(urn: str) -> frozenset[str]:
        near = resources[urn]["options"].get("dependencies", ()) if urn in resources else ()
        return frozenset(near).union(*map(before_it, near))

    return {urn: before_it(urn) for urn in resources}


@pytest.mark.req("P-03")
@pytest.mark.parametrize("case", CASES)
def test_an_update_makes_no_resource_anew_and_leaves_none_behind(case):
    was, today = before(case)["resources"].keys(), now(case)["resources"].keys()
    gone, new = dict.fromkeys(sorted(was - today), "gone"), dict.fromkeys(sorted(today - was), "new")

    assert [] == unmeant(case, gone | new), "a name is identity: give a renamed resource an alias"


@pytest.mark.req("P-03")
@pytest.mark.parametrize("case", CASES)
def test_an_update_changes_nothing(case):
    assert [] == unmeant(case, differences(case, "inputs")), (
        "the engine would show these as updates; in full: sh homeport/cli/run.sh python -m tests.unit.stack.recorded "
        + case
    )


@pytest.mark.parametrize("case", CASES)
def test_providers_parents_and_protection_are_those_of_before(case):
    assert [] == unmeant(case, differences(case, "options", frozenset({"aliases", "aliasURNs", "dependencies"}))), (
        "what is protected stays so, and each resource keeps its parent and its provider"
    )


@pytest.mark.parametrize("case", CASES)
def test_what_waited_for_a_resource_waits_for_it_now(case):
    today, missing = waits(now(case)["resources"]), {}
    for urn, earlier in waits(before(case)["resources"]).items():
        lost = sorted((earlier & before(case)["resources"].keys()) - today.get(urn, earlier))
        missing |= {f"{urn} options.dependencies": f"no longer after {', '.join(lost)}"} if lost else {}

    assert [] == unmeant(case, missing), "an order that was needed is needed still"


@pytest.mark.parametrize("case", CASES)
def test_a_stack_exports_what_it_exported(case):
    was, today = before(case)["exports"], now(case)["exports"]
    changed = {f"exports.{name}": f"was {was.get(name)}, now {today.get(name)}" for name in {*was, *today}}

    assert [] == unmeant(
        case, {key: text for key, text in changed.items() if was.get(key[8:]) != today.get(key[8:])}
    ), "scripts read outputs by name"
