"""`.env` files of the operator's programs, read back by docker compose itself."""

from __future__ import annotations

import json
import random
import sys

import pytest

from tests.support.checkout import ROOT

sys.path.insert(0, str(ROOT / "apps" / "infra_tools"))

from infra_tools.dotenv import EnvFile

pytestmark = pytest.mark.docker
CASES = json.loads((ROOT / "apps/infra_tools/tests/dotenv.json").read_text(encoding="utf-8"))
LETTERS = "aZ09 #'\"\\$={};&|`~!*?[]()<>\n\t\r\u00e9\u65e5\U0001f511:@,-"


def model(names):
    environment = {f"V{number}": f"${{{name}}}" for number, name in enumerate(names)}
    return json.dumps({"services": {"reader": {"image": "x", "environment": environment}}})


def meant(readers, text, names):
    read = readers.compose([model(names)], dotenv=text)[0]
    assert isinstance(read, dict), read
    values = read["services"]["reader"]["environment"]
    return {name: values[f"V{number}"] for number, name in enumerate(names)}


@pytest.mark.req("S4-42", "S4-49")
def test_compose_reads_what_was_meant_of_hundreds_of_odd_values(readers):
    odd = random.Random(815)  # noqa: S311  # the same values always
    values = {f"K{number}": "".join(odd.choices(LETTERS, k=odd.randint(0, 16))) for number in range(400)}
    file = EnvFile.parse("# first\n")
    for name, value in values.items():
        file.set(name, value)
    assert values == meant(readers, file.text(), list(values))


@pytest.mark.parametrize("case", CASES["read"])
def test_what_is_said_of_compose_is_what_compose_does(readers, case):
    text, values = case
    names = [name for name in values if name.isidentifier()]
    if names:
        assert {name: values[name] for name in names} == meant(readers, text, names)
