"""The examples that are shipped beside each preset."""

from __future__ import annotations

import json

import pytest

from homeport.cli import example
from homeport.cli.invented import invented
from homeport.model.errors import SettingsError, ToolError
from homeport.model.secret import SHAPES, SecretSpec
from homeport.settings.secrets import check, check_lengths
from tests.support.checkout import ROOT

SUPPLIED = json.loads((ROOT / "tests/cases/examples/supplied.json").read_text())
"""By example: the secrets that only their issuers can give."""


@pytest.mark.req("S5-78")
@pytest.mark.parametrize("name", SUPPLIED)
def test_every_missing_secret_is_named_at_once_with_the_command_that_sets_it(name):
    stack = example.example(name)
    missing = [problem for problem in stack.wrong if not problem.path.startswith("homeport:settings")]

    assert SUPPLIED[name] == [problem.path.removeprefix("homeport:") for problem in missing], "nobody mends in rounds"
    for problem in missing:
        assert f"bin/homeport pulumi config set --stack {stack.name} --secret {problem.path}" in problem.fix, "pasted"


def test_a_preview_is_refused_before_anything_runs_where_a_secret_is_missing():
    with pytest.raises(SettingsError, match=r"homeport:hcloud-token: is required and missing(.|\n)*--secret"):
        example.example("jett/prod").refuse_wrong()


def test_an_example_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(ToolError, match=r"jett/production: there is no such example; there are: .*jett/prod,"):
        example.example("jett/production")


@pytest.mark.parametrize("kind", sorted(SHAPES.keys() - {"ssh-key", "ed25519", "ed25519-public", "jwt"}))
@pytest.mark.parametrize("length", [0, 64])
def test_an_invented_secret_is_one_that_the_settings_take(kind, length):
    spec = SecretSpec(name="invented", purpose="here", kind=kind, length=length if kind == "token" else 0)
    value = invented(spec)

    assert [] == list(check({"invented": value}, frozenset({"invented"}), {"invented": spec})), "of its kind's shape"
    assert [] == list(check_lengths({"invented": len(value)}, {"invented": spec})), "and of its issuer's length"
