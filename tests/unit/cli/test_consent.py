"""What a person says before production is changed."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

import pytest

from homeport.cli import consent
from tests.support.checkout import ROOT
from tests.support.terminal import answered

HOMEPORT = """
import json, sys
from dataclasses import replace
sys.path.insert(0, {root!r})
from homeport.cli import lifecycle
from homeport.cli.stack import read
from homeport.cli.status import Service
from tests.support.lifecycle import played, stand_in
n8n = {{"name": "n8n", "container": "n8n", "state": "running", "health": "healthy", "address": "", "access": ""}}
result = played(services=(Service(**n8n),))
stand_in(setattr, result)
code = lifecycle.up(replace(read("prod"), config=None), yes="--yes" in sys.argv) if sys.argv[1] == "up" else 0
with open({noted!r}, "a") as file:
    print(json.dumps([sys.argv[1], result.flags]), file=file)
sys.exit(code)
"""


def asked(monkeypatch, words, environment="prod", *, yes=False):
    questions = []
    monkeypatch.setattr(consent, "answer", lambda question: questions.append(question) or words)
    pulumi = SimpleNamespace(stack=SimpleNamespace(name=environment, environment=environment))
    announced = SimpleNamespace(losses=(), changes=2)
    return consent.agreed(pulumi, announced, yes=yes, give_up=()), questions


@pytest.mark.req("S5-88")
@pytest.mark.parametrize("words", ["", "y", "Y", "no", "yes please", "ja", "prod", "YES", "yess", "yes\x00"])
def test_any_answer_but_yes_changes_nothing(monkeypatch, words):
    agreed, questions = asked(monkeypatch, words)
    assert not agreed and ["==> update stack prod? Type yes, anything else changes nothing"] == questions


@pytest.mark.req("S5-88")
def test_yes_does_and_a_script_says_so_by_a_flag(monkeypatch):
    assert (True, 1) == (asked(monkeypatch, "yes")[0], len(asked(monkeypatch, "yes")[1]))
    assert (True, []) == asked(monkeypatch, "no", yes=True), "nobody is asked"


@pytest.mark.req("S5-88")
def test_make_deploy_prod_asks_and_then_tries_every_address():
    target = (ROOT / "Makefile").read_text().partition("\ndeploy-prod:")[2].partition("\nsmoke:")[0]
    commands = [line.strip() for line in target.splitlines()[1:]]
    assert ["$(HOMEPORT) up --stack prod $(ARGS)", "$(HOMEPORT) smoke --stack prod"] == commands, "without --yes"


def deployed(folder, typed):
    """`make deploy-prod` at a terminal at which a person types that; how it ended, what was shown and what was done."""
    program, noted = folder / "homeport.py", folder / "noted"
    program.write_text(HOMEPORT.format(root=str(ROOT), noted=str(noted)))
    environ = {key: value for key, value in os.environ.items() if key not in {"MAKEFLAGS", "MFLAGS", "MAKELEVEL"}}
    argv = ["make", "deploy-prod", f"HOMEPORT=@{sys.executable} -B {program}"]
    shown, code = answered(argv, [(b"\n> ", typed)], environ | {"HOMEPORT_CACHE": str(folder)})
    return code, shown, [json.loads(line) for line in noted.read_text().splitlines()]


@pytest.mark.slow  # processes of make and Python
@pytest.mark.req("S5-88")
@pytest.mark.parametrize("typed", [b"no\n", b"yes please\n", b"\x04"], ids=repr)
def test_at_a_terminal_make_deploy_prod_ends_red_and_has_changed_nothing_unless_yes_is_typed(tmp_path, typed):
    code, shown, done = deployed(tmp_path, typed)

    assert 0 != code and "==> nothing was changed" in shown, shown
    assert [["up", []]] == done, "Pulumi was told nothing, and no address was asked"


@pytest.mark.slow  # the same
@pytest.mark.req("S5-88")
def test_at_a_terminal_yes_updates_production_and_asks_its_addresses(tmp_path):
    code, shown, done = deployed(tmp_path, b"yes\n")

    assert 0 == code, shown
    assert "n8n: replaced" in shown.partition("Type yes")[0], "what changes is said before"
    told = [(verb, [(words[0], "--yes" in words) for words in flags]) for verb, flags in done]
    assert [("up", [("up", True)]), ("smoke", [])] == told, "Pulumi asks no second time"
