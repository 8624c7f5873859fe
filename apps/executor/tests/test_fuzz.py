"""Bounded fuzzing of everything that parses what others wrote."""

from __future__ import annotations

import json
from contextlib import suppress

import executor_api
import run_task
from executor_json import JsonProblemError, dumps, loads
from executor_schema import TaskInputError
from executor_spool import request_id
from executor_transform import _OPERATIONS, transform
from hypothesis import example, given, settings
from hypothesis import strategies as st

NUMBERS = st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
LEAVES = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4), max_leaves=12
)
FIELDS = st.sampled_from(
    ["path", "keys", "each", "from", "to", "key", "value", "equals", "of", "start", "end", "descending"]
)
STEPS = st.builds(
    lambda name, fields: {"op": name, **fields},
    st.sampled_from(sorted(_OPERATIONS)),
    st.dictionaries(FIELDS, VALUES | st.lists(TEXTS | st.integers(-3, 3), max_size=2), max_size=3),
)


@settings(max_examples=1500, deadline=None)
@given(st.binary(max_size=200))
@example(b"\xff\xfe")
@example(b'{"a":1}\x00')
def test_any_bytes_give_a_value_or_the_typed_error(raw):
    try:
        value = loads(raw)
    except JsonProblemError as error:
        assert error.code in {"invalid_json", "too_large"}, raw
        return
    assert value == json.loads(raw), "what is taken means what json says it means"


@settings(max_examples=500, deadline=None)
@given(VALUES)
def test_what_goes_in_comes_out_again(value):
    line = dumps(value)

    assert json.dumps(value) == json.dumps(loads(line)), "strict reading and bounded writing are each other's inverse"
    assert (1, True) == (line.count(b"\n"), line.isascii()), "one line of ASCII"


@settings(max_examples=500, deadline=None)
@given(VALUES, st.lists(STEPS, max_size=4))
def test_any_steps_on_any_value_give_json_or_the_typed_error(value, steps):
    before = json.dumps(value)
    with suppress(TaskInputError, JsonProblemError):
        dumps(transform(value, steps))

    assert before == json.dumps(value), "the input is not changed in place"


@settings(max_examples=500, deadline=None)
@given(st.dictionaries(st.sampled_from(["type", "text", "value", "steps", "message", "x"]), VALUES, max_size=4))
def test_any_object_is_checked_without_an_untyped_error(task):
    try:
        name, given_values = run_task.check(task)
    except (run_task.NotAllowedError, TaskInputError):
        answer, status = executor_api.dispatch(task)
        assert (False, 2) == (answer["ok"], status), "refused by the wrapper alike"
        return
    assert set(run_task.TASKS[name].params) == set(given_values), "all parameters and no others reach the task"


@settings(max_examples=1000, deadline=None)
@given(st.text(max_size=80).map(lambda stem: f"{stem}.json") | st.text(max_size=80))
@example("../../etc/passwd.json")
@example("..json")
@example(".json")
@example("a/b.json")
@example("a\x00.json")
@example("-rf.json")
@example("\uff41.json")
@example("a" * 65 + ".json")
@example("a.json\n")
@example("a.JSON")
@example("a.json.json")
def test_a_request_id_never_holds_anything_but_letters_digits_and_signs(name):
    identity = request_id(name)
    if identity is not None:
        assert name == f"{identity}.json", name
        assert identity.replace("-", "").replace("_", "").isalnum() and identity.isascii(), name
        assert 1 <= len(identity) <= 64 and identity[0].isalnum(), name


def test_good_names_are_taken():
    names = ["a.json", "0.json", "A-b_9.json", "a" * 64 + ".json", "3f2b9c1e-0000-4000-8000-000000000000.json"]

    assert [name.removesuffix(".json") for name in names] == [request_id(name) for name in names], "the control"


def test_a_step_that_changes_an_object_changes_a_copy():
    value = {"a": 1, "b": 2}
    for step in (
        {"op": "set", "key": "a", "value": 9},
        {"op": "rename", "from": "a", "to": "c"},
        {"op": "omit", "keys": ["a"]},
    ):
        assert {"a", "b"} != set(after := transform(value, [step])) or 9 == after["a"], step

    assert {"a": 1, "b": 2} == value, "a literal used for many objects stays itself"
