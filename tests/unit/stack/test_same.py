"""A secret that is another one as that one is, unless somebody brings his own."""

from __future__ import annotations

import json

import pytest

from catalog.presets import registry
from homeport.cli.operating import page
from homeport.model.errors import SettingsError
from homeport.plan.resolve import resolve
from homeport.settings import load
from homeport.settings.load import Configuration
from tests.support import deploy_env
from tests.unit.stack.same_preset import PRESET

MODULE = "tests.unit.stack.same_preset"
KEY, OWN = "3f8a1c5e7b9d2046" * 3 + "1a2b3c4d5e6f7089", "Qm7-of-before_Zx41Lp9"


@pytest.fixture
def asked(monkeypatch):
    """What a stack of the preset is resolved to, with these secrets."""
    monkeypatch.setitem(registry._BUILT, "same", MODULE)
    monkeypatch.setattr(load, "PRESETS", (*load.PRESETS, "same"))

    def run(**secrets):
        values = {"homeport:preset": "same", "homeport:settings": json.dumps({})}
        held = {f"homeport:{name.replace('_', '-')}": value for name, value in secrets.items()}
        return resolve(Configuration("dev", values | held, frozenset(held)))

    return run


def test_the_program_hands_on_the_key_that_it_makes_and_a_token_that_is_given(build):
    made = build({}, {}, "same", same=MODULE).exports["credentials"]
    given = build({}, {"gate-key": KEY}, "same", same=MODULE).exports["credentials"]["value"]
    own = build({}, {"gate-key": KEY, "gate-token": OWN}, "same", same=MODULE).exports["credentials"]["value"]

    assert made["secret"] and len(made["value"]["gate-token"]) == 64, "it is made as the key is"
    assert (KEY, OWN) == (given["gate-token"], own["gate-token"])


def test_it_may_be_given_alone_with_the_key_or_not_at_all(asked):
    assert ({"gate-key": "hex64"}, {"gate-token"}) == (dict(asked().generated), set(asked().derived))
    for secrets in ({"gate_token": OWN}, {"gate_key": KEY, "gate_token": OWN}, {"gate_key": KEY, "gate_token": KEY}):
        plan = asked(**secrets)
        assert (secrets["gate_token"], {}) == (plan.supplied["gate-token"].reveal(), dict(plan.derived))
    with pytest.raises(SettingsError, match="another shape"):
        asked(gate_token="short")


def test_an_exports_script_does_the_same_and_keeps_no_second_one(asked, tmp_path):
    def deployed(folder, **env):
        return deploy_env.deployed(PRESET, asked(), tmp_path / folder, env, ("GATE_KEY", "GATE_TOKEN")).split()

    key, token = deployed("made")
    assert key == token and len(key) == 64, "the key was made there, and is the token"
    assert "GATE_TOKEN" not in (tmp_path / "made/secrets/generated.env").read_text(), "of a new key, a new token"
    assert [KEY, KEY] == deployed("key", GATE_KEY=KEY)
    assert [KEY, OWN] == deployed("both", GATE_KEY=KEY, GATE_TOKEN=OWN)


def test_the_page_for_operators_says_whose_it_is():
    line = next(line for line in page(registry.preset("vpai")).splitlines() if "`openclaw-gateway-token`" in line)

    assert line.endswith("| openclaw, n8n | supply; else it is `openclaw-api-key` |")
