"""The random stand-in: taking over what exists already."""

from __future__ import annotations

import pytest

from tests.rehearsal.conformance.normalise import reveal


def call(plugin, method, name, **request):
    kind = f"random:index/{name[0].lower()}{name[1:]}:{name}"
    return plugin.call(method, {"urn": f"urn:pulumi:dev::p::{kind}::r", "type": kind, **request})


@pytest.mark.parametrize(
    ("name", "import_id", "state", "inputs"),
    [
        (
            "RandomId",
            "p-,6FzSxA",
            {"prefix": "p-", "hex": "p-e85cd2c4", "dec": "p-3898397380", "byteLength": 4, "id": "6FzSxA"},
            {"byteLength": 4, "prefix": "p-"},
        ),
        ("RandomBytes", "AQI=", {"hex": "0102", "length": 2}, {"length": 2}),
        (
            "RandomInteger",
            "3,1,9,s",
            {"result": 3, "min": 1, "max": 9, "seed": "s", "id": "3"},
            {"min": 1, "max": 9, "seed": "s"},
        ),
        ("RandomUuid", "888181A6-EC41-B172-E3DF-32DF0D6AF214", {"result": "888181a6-ec41-b172-e3df-32df0d6af214"}, {}),
        ("RandomString", "abc", {"result": "abc", "id": "abc", "length": 3}, {"length": 3, "special": True}),
        ("RandomPassword", "abc", {"result": "abc", "id": "none", "length": 3}, {"length": 3, "special": True}),
    ],
)
def test_what_exists_can_be_imported(random_plugin, name, import_id, state, inputs):
    answer = call(random_plugin, "Read", name, id=import_id).response
    properties = reveal(answer["properties"])
    assert state == {key: properties.get(key) for key in state}
    assert inputs == {key: answer["inputs"].get(key) for key in inputs} if inputs else answer.get("inputs", {}) == {}
    diff = call(random_plugin, "Diff", name, id=answer["id"], olds=properties, news=answer.get("inputs", {}))
    assert "replaces" not in diff.response, "an import must not be replaced at once"


@pytest.mark.parametrize(
    ("name", "import_id", "words"),
    [
        ("RandomPet", "x", "does not support import"),
        ("RandomShuffle", "x", "does not support import"),
        ("RandomInteger", "1,2", "expecting {result},{min},{max}"),
        ("RandomInteger", "a,1,2", 'parsing "a": invalid syntax'),
        ("RandomUuid", "x", "Import Random UUID Error"),
        ("RandomBytes", "%", "Import Random bytes Error"),
    ],
)
def test_what_cannot_be_imported_says_why(random_plugin, name, import_id, words):
    answer = call(random_plugin, "Read", name, id=import_id)
    assert ("Unknown", True) == (answer.code, words in answer.error)
