"""Bounded fuzzing of everything that parses what others wrote."""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from contextlib import suppress
from pathlib import Path

import executor_api
import pytest
import run_task
import worker
from executor_json import INPUT_LIMIT, JsonProblemError, dumps, loads
from executor_limits import Outcome
from executor_schema import TaskInputError
from executor_spool import Request, request_id
from executor_transform import _OPERATIONS, transform
from hypothesis import example, given, settings
from hypothesis import strategies as st

CASES = Path(__file__).resolve().parent / "cases"
ANSWERS = {("done", 0), *((code, 2) for code in ("invalid_json", "invalid_input", "not_allowed", "too_large"))}
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


@pytest.mark.req("I-07")
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


@pytest.mark.req("I-03")
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


LOOK_ALIKES = str.maketrans("aceiopsxyhm", "\u0430\u0441\u0435\u0456\u043e\u0440\u0455\u0445\u0443\u04bb\u043c")
"""Latin letters to Cyrillic ones that look the same."""
FRAMES = 100_000 if os.environ.get("HOMEPORT_CAMPAIGN") == "whole" else 10_000
"""In the platform's own tests a sample of the campaign, in `make test-long` the whole."""


def nearly(name):
    """Other texts that a person or a careless comparison would take for the name."""
    return {
        *(name.upper(), name.title(), name.swapcase(), f" {name}", f"{name} ", f"{name}\n", f"\t{name}", f"{name}\0"),
        *(f"./{name}", f"../{name}", f"/workspace/{name}", f"{name}.py", f"run_task.{name}", f"{name};{name}"),
        *(f"_{name}", f"{name}s", f"{name}_task", f"task_{name}", f"{name}/", f"${name}", f"-{name}", name[:-1]),
        *(f"{name[:at]}{sign}{name[at:]}" for at in range(len(name) + 1) for sign in "\u200b\u200d\ufeff\u00ad\u0301"),
        *(f"{name[:at]}{letter.upper()}{name[at + 1 :]}" for at, letter in enumerate(name) if letter.isalpha()),
        *(f"{name[:at]}{chr(ord(letter) + 0xFEE0)}{name[at + 1 :]}" for at, letter in enumerate(name)),
        *(f"{name[:at]}{letter.translate(LOOK_ALIKES)}{name[at + 1 :]}" for at, letter in enumerate(name)),
    } - {name}


@pytest.mark.req("I-01")
@pytest.mark.parametrize("name", sorted(run_task.TASKS))
def test_what_only_looks_like_an_allowed_type_is_refused_before_a_process_starts(name, monkeypatch):
    monkeypatch.setattr(executor_api, "run", lambda *_: pytest.fail("a process was started"))
    names = nearly(name)
    answers = {other: executor_api.answer(dumps({"type": other, "text": "", "value": 1})) for other in names}

    assert len(names) > 30, "there is enough to be mistaken for it"
    assert {} == {other: told for other, (told, _) in answers.items() if told["error"]["code"] != "not_allowed"}
    assert {2} == {status for _, status in answers.values()}


def spoiled(chance, frames):
    """A frame of a case as a broken caller might send it: cut, doubled, joined, with other bytes, or none of it."""
    frame, other = chance.choice(frames), chance.choice(frames)
    at, end = sorted((chance.randrange(len(frame) + 1), chance.randrange(len(frame) + 1)))
    return chance.choice(
        (
            lambda: frame,
            lambda: frame[:at],
            lambda: frame[at:end],
            lambda: frame + other,
            lambda: frame[:at] + other[at:],
            lambda: frame[:at] + b"\0" + frame[at:],
            lambda: frame[:at] + chance.randbytes(chance.randrange(1, 9)) + frame[end:],
            lambda: frame[:at] + chance.choice((b"{", b"]", b'"', b"\\u", b"1e999", b"NaN", b",", b":")) + frame[at:],
            lambda: chance.randbytes(chance.randrange(200)),
            lambda: len(frame).to_bytes(4, "big") + frame,
        )
    )()


@pytest.mark.campaign
@pytest.mark.req("I-07")
def test_any_frame_gets_an_answer_with_its_type_from_the_wrapper_and_from_the_worker(build, monkeypatch):
    done = Outcome(status=0, stdout=b'{"result":1}', stderr=b"", timed_out=False, truncated=False, duration_ms=1)
    monkeypatch.setattr(executor_api, "run", lambda *_: done)
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)  # noqa: S311  # frames, no keys
    cases = [json.loads(file.read_text()) for file in sorted((CASES / "api").glob("*.json"))]
    short = [frame for case in cases if len(frame := build(case["stdin"])) < 2000]
    long = [b" " * (INPUT_LIMIT - 10) + frame for frame in short]
    seen = Counter()
    for number in range(FRAMES):
        frame = spoiled(chance, short if number % 500 else long)
        reply, status = executor_api.answer(frame)
        kind = "done" if reply["ok"] else reply["error"]["code"]
        seen[kind] += 1
        assert (kind, status) in ANSWERS, f"seed {seed}: {frame!r} got {reply}"
        assert dumps(reply).isascii(), f"seed {seed}: {frame!r} got {reply}"
        task, refusal = worker._understood("x", Request(frame, 10.0))
        assert isinstance(task, dict) or (refusal[0]["error"]["code"], refusal[1]) in ANSWERS, f"seed {seed}: {frame!r}"
    print(f"\n{FRAMES} frames, seed {seed}: {dict(seen)}")

    assert {kind for kind, _ in ANSWERS} == set(seen), "each kind of answer was given, so the frames reach everywhere"
