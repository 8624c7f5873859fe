"""The random stand-in where the recordings do not go."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.rehearsal.conformance.normalise import SECRET, SIGNATURE, reveal
from toolchain.plugins.random.bcrypt import _library, bcrypt_hash
from toolchain.plugins.random.goseed import GoRandom
from toolchain.plugins.random.text import random_text

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
INPUTS = {
    "RandomBytes": {"length": 4},
    "RandomId": {"byteLength": 4},
    "RandomInteger": {"min": 1, "max": 9},
    "RandomPassword": {"length": 12},
    "RandomPet": {},
    "RandomShuffle": {"inputs": ["a", "b"]},
    "RandomString": {"length": 12},
    "RandomUuid": {},
    "RandomUuid4": {},
    "RandomUuid7": {},
}


def token(name):
    return f"random:index/{name[0].lower()}{name[1:]}:{name}"


def call(plugin, method, name, **request):
    kind = token(name)
    return plugin.call(method, {"urn": f"urn:pulumi:dev::p::{kind}::r", "type": kind, **request})


def create(plugin, name, **properties):
    return call(plugin, "Create", name, properties=properties)


@pytest.mark.parametrize("name", INPUTS)
def test_an_input_that_the_type_does_not_have_is_refused_by_name(random_plugin, name):
    answer = call(random_plugin, "Check", name, news={**INPUTS[name], "colour": "red"})
    assert [{"reason": "Invalid or unknown key. Examine values at 'r.colour'."}] == answer.response["failures"]


@pytest.mark.parametrize("name", INPUTS)
def test_a_preview_answers_inputs_and_unknowns_and_no_id(random_plugin, name):
    answer = call(random_plugin, "Create", name, properties=INPUTS[name], preview=True)
    properties = reveal(answer.response["properties"])
    assert "id" not in answer.response, "a preview has no id yet"
    assert INPUTS[name] == {key: properties[key] for key in INPUTS[name]}
    random_values = {"result", "results", "hex", "base64", "bcryptHash", "id"} & properties.keys()
    assert random_values, "something must be made by this type"
    assert {UNKNOWN} == {properties[key] for key in random_values}


@pytest.mark.parametrize("name", INPUTS)
def test_an_unknown_input_passes_the_check_and_shows_as_a_replacement(random_plugin, name):
    news = dict.fromkeys(INPUTS[name], UNKNOWN) | {"keepers": {"k": UNKNOWN}}
    checked = call(random_plugin, "Check", name, news=news)
    assert {"inputs": news} == checked.response
    state = reveal(create(random_plugin, name, **INPUTS[name]).response["properties"])
    diff = call(random_plugin, "Diff", name, id="x", olds=state, news=news, oldInputs=INPUTS[name])
    assert sorted(news) == diff.response["replaces"]


@pytest.mark.parametrize(
    ("name", "secrets"), [("RandomPassword", {"result", "bcryptHash"}), ("RandomBytes", {"base64", "hex"})]
)
def test_secrets_are_marked_on_create_refresh_and_import(random_plugin, name, secrets):
    created = create(random_plugin, name, **INPUTS[name]).response
    state = reveal(created["properties"])
    refreshed = call(random_plugin, "Read", name, id=created["id"], properties=state, inputs=INPUTS[name]).response
    imported = call(random_plugin, "Read", name, id="c2VjcmV0").response
    for properties in (created["properties"], refreshed["properties"], imported["properties"]):
        marked = {
            key for key, value in properties.items() if isinstance(value, dict) and value.get(SIGNATURE) == SECRET
        }
        assert secrets == marked


@pytest.mark.parametrize(
    ("news", "reason"),
    [
        ({}, "Missing required property 'length'"),
        (
            {"length": 0},
            "Invalid Attribute Value. Attribute length value must be at least 1, got: 0. Examine values at 'r.length'.",
        ),
        (
            {"length": 2, "minLower": 3},
            (
                "Invalid Attribute Value. Attribute length value must be at least sum of min_upper + min_lower + "
                "min_numeric + min_special, got: 2. Examine values at 'r.length'."
            ),
        ),
        (
            {"length": 2, "special": False, "upper": False, "lower": False, "numeric": False},
            (
                "Invalid Attribute Combination. At least one attribute out of [special,upper,lower,numeric] must be "
                "specified as true. Examine values at 'r.numeric'."
            ),
        ),
    ],
)
@pytest.mark.parametrize("name", ["RandomPassword", "RandomString"])
def test_bad_lengths_are_refused_in_the_official_words(random_plugin, name, news, reason):
    answer = call(random_plugin, "Check", name, news=news)
    assert [{"reason": reason}] == answer.response["failures"]
    assert news == answer.response.get("inputs", {})


def test_number_and_numeric_are_the_same_and_may_not_contradict(random_plugin):
    properties = create(random_plugin, "RandomString", length=8, number=False).response["properties"]
    assert (False, False) == (properties["number"], properties["numeric"])
    answer = create(random_plugin, "RandomString", length=8, number=True, numeric=False)
    assert (
        "Number and numeric are both configured with different values: Number is deprecated, use numeric instead"
        == answer.error
    )


def test_a_range_that_is_none_fails_at_create(random_plugin):
    answer = create(random_plugin, "RandomInteger", min=2, max=1)
    text = "The minimum (min) value needs to be smaller than or equal to maximum (max) value."
    assert ("Unknown", f"Create Random Integer Error: {text}") == (answer.code, answer.error)


COUNTS = st.integers(0, 5)


@settings(deadline=None)
@given(length=st.integers(20, 60), upper=COUNTS, lower=COUNTS, digits=COUNTS, special=COUNTS)
def test_a_password_has_its_length_and_its_minima(length, upper, lower, digits, special):
    plan = {
        "length": length,
        "overrideSpecial": "!-",
        **dict.fromkeys(("upper", "lower", "numeric", "special"), True),
        "minUpper": upper,
        "minLower": lower,
        "minNumeric": digits,
        "minSpecial": special,
    }
    text = random_text(plan)
    counts = [len(re.findall(kind, text)) for kind in ("[A-Z]", "[a-z]", "[0-9]", "[!-]")]
    assert length == len(text) == sum(counts)
    assert all(have >= least for have, least in zip(counts, (upper, lower, digits, special), strict=True))


def test_the_hash_is_bcrypt_of_the_password():
    digest = bcrypt_hash("correct horse")
    assert digest.startswith("$2a$10$")
    assert digest == _library().crypt(b"correct horse", digest.encode()).decode()
    assert digest != _library().crypt(b"wrong horse", digest.encode()).decode()
    assert digest != bcrypt_hash("correct horse"), "a salt is used once"


# Printed by a Go program with math/rand and hash/crc64 (go1.24): Intn(9), Intn(1000000), Intn(1<<40), Intn(16),
# Perm(7).
GO = {
    "a": ([1, 411, 900486144953, 7], [4, 1, 5, 3, 2, 0, 6]),
    "homeport": ([0, 104236, 648443226022, 12], [3, 6, 2, 4, 1, 5, 0]),
    "12345": ([2, 299832, 635065333385, 12], [4, 5, 0, 6, 3, 2, 1]),
    "ü": ([8, 666299, 584953912154, 10], [5, 1, 4, 0, 6, 2, 3]),
}


@pytest.mark.parametrize("seed", GO)
def test_a_seed_gives_the_numbers_that_go_gives(seed):
    numbers, permutation = GO[seed]
    generator = GoRandom(seed)
    assert numbers == [generator.below(bound) for bound in (9, 1000000, 1 << 40, 16)]
    assert permutation == GoRandom(seed).permutation(7)


def test_a_seeded_resource_is_the_same_every_time(random_plugin):
    first = create(random_plugin, "RandomShuffle", inputs=list("abcdefg"), seed="a", resultCount=9).response
    assert [*"ebfdcag"] == first["properties"]["results"][:7]
    assert 9 == len(first["properties"]["results"])
    assert "2" == create(random_plugin, "RandomInteger", min=1, max=9, seed="a").response["id"]


def test_keepers_replace_when_a_value_comes_goes_or_changes_and_not_otherwise(random_plugin):
    def replaces(old, new):
        olds = {"length": 2, "separator": "-", "id": "a-b", **({} if old is None else {"keepers": old})}
        news = {} if new is None else {"keepers": new}
        return call(random_plugin, "Diff", "RandomPet", id="a-b", olds=olds, news=news).response.get("replaces", [])

    for old, new in (
        ({"a": "1"}, {"a": "2"}),
        ({"a": "1"}, {}),
        ({"a": "1"}, None),
        (None, {"a": "1"}),
        ({}, {"a": "1"}),
    ):
        assert ["keepers"] == replaces(old, new), (old, new)
    for old, new in (
        ({"a": "1"}, {"a": "1"}),
        (None, None),
        (None, {"a": None}),
        (None, UNKNOWN),
        ({"a": "1"}, {"a": "1", "b": None}),
    ):
        assert [] == replaces(old, new), (old, new)
