"""The replay itself: it must find what differs, and only that."""

from __future__ import annotations

import json

import pytest

from tests.rehearsal.conformance.plugin_process import PluginProcess
from tests.rehearsal.conformance.recordings import Scenario, Step
from tests.rehearsal.conformance.replay import Replay
from tests.rehearsal.conformance.rules.random import RULES

TOKEN = "random:index/randomString:RandomString"
NAMES = {"urn": f"urn:pulumi:dev::p::{TOKEN}::s", "type": TOKEN, "name": "s"}
DEFAULTS = {
    "lower": True,
    "minLower": 0,
    "minNumeric": 0,
    "minSpecial": 0,
    "minUpper": 0,
    "number": True,
    "numeric": True,
}
STATE = {**DEFAULTS, "id": "abc123xyz9", "length": 10, "result": "abc123xyz9", "special": False, "upper": False}
INPUTS = {"length": 10, "special": False, "upper": False}
CALLS = (
    {"method": "Check", "request": {**NAMES, "olds": {}, "news": INPUTS}, "response": {"inputs": INPUTS}},
    {
        "method": "Create",
        "request": {**NAMES, "properties": INPUTS},
        "response": {"id": "abc123xyz9", "properties": STATE},
    },
    {
        "method": "Read",
        "request": {**NAMES, "id": "abc123xyz9", "properties": STATE, "inputs": INPUTS},
        "response": {"id": "abc123xyz9", "properties": STATE, "inputs": INPUTS},
    },
    {
        "method": "Diff",
        "request": {**NAMES, "id": "abc123xyz9", "olds": STATE, "news": INPUTS, "oldInputs": INPUTS},
        "response": {"changes": "DIFF_NONE"},
    },
    {"method": "Delete", "request": {**NAMES, "id": "abc123xyz9", "properties": STATE}, "response": {}},
)


@pytest.fixture()
def plugin():
    running = PluginProcess.stand_in("random")
    yield running
    running.stop()


def replayed(plugin, calls, **hooks):
    replay = Replay(Scenario("made-up", (Step(0, "all", "up", tuple(calls)),)), {"random": plugin}, RULES, **hooks)
    return replay, replay.mismatches(0)


def test_a_scenario_that_is_true_has_no_mismatch_and_later_calls_carry_the_new_values(plugin):
    replay, differing = replayed(plugin, CALLS)
    assert [] == differing
    actual_id, _, actual = replay.memory.states[NAMES["urn"], "abc123xyz9"]
    assert actual_id == actual["result"] != "abc123xyz9", "the plugin makes its own value, and the replay follows it"


def _response(number, path, value):
    def spoil(calls):
        target = calls[number]["response"]
        for key in path[:-1]:
            target = target[key]
        if value is None:
            del target[path[-1]]
        else:
            target[path[-1]] = value

    return spoil


@pytest.mark.parametrize(
    ("spoil", "sign"),
    [
        (_response(0, ["inputs", "length"], 11), "inputs.length"),
        (_response(1, ["properties", "lower"], False), "properties.lower"),
        (_response(1, ["properties", "minLower"], False), "properties.minLower"),
        (_response(1, ["properties", "extra"], 1), "properties.extra: recorded 1, answered nothing"),
        (_response(1, ["properties", "upper"], None), "properties.upper: recorded nothing"),
        (_response(1, ["properties", "result"], "abc"), "does not look like"),
        (_response(3, ["changes"], "DIFF_SOME"), "changes"),
        (lambda calls: calls[3].update(errors=["rpc error: code = Unknown desc = x"], response=None), "recorded error"),
    ],
)
def test_a_difference_in_any_part_of_an_answer_is_found(plugin, spoil, sign):
    calls = json.loads(json.dumps(CALLS))
    spoil(calls)
    _, differing = replayed(plugin, calls)
    assert any(sign in line for line in differing), differing


def test_an_error_where_success_was_recorded_is_found(plugin):
    calls = json.loads(json.dumps(CALLS))
    calls[1]["request"]["type"] = "random:index/randomDice:RandomDice"
    _, differing = replayed(plugin, calls)
    assert any("recorded success, answered error NotFound" in line for line in differing), differing


def test_steps_by_hand_are_done_and_a_failing_one_is_a_mismatch(plugin, tmp_path):
    steps = (
        Step(0, "touch", "shell", (), f"touch {tmp_path}/done"),
        Step(1, "fail", "shell", (), "echo broken >&2; false"),
        Step(2, "call", "shell", (), by_hand="DELETE /v1/servers/1"),
    )
    asked = []
    replay = Replay(Scenario("made-up", steps), {"random": plugin}, RULES, by_hand=asked.append)
    assert [] == replay.mismatches(2)
    assert (tmp_path / "done").exists()
    assert "broken" in replay.mismatches(1)[0]
    assert ["DELETE /v1/servers/1"] == asked


def test_what_a_scenario_leaves_is_deleted_at_the_end(plugin):
    replay, _ = replayed(plugin, CALLS[:2])
    deleted = []
    plugin.call = lambda method, request: deleted.append((method, request["id"]))
    replay.close()
    assert [("Delete", replay.memory.states[NAMES["urn"], "abc123xyz9"][0])] == deleted
