"""What a person says before production is changed."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from homeport.cli import consent
from tests.support.checkout import ROOT


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
