"""Secrets that are made of another one: tokens signed by HS256."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import time
from dataclasses import replace

import pytest

from catalog.presets import registry
from homeport.model import jwt
from homeport.model.errors import SettingsError
from homeport.plan.resolve import resolve
from homeport.settings import load
from homeport.settings.load import Configuration
from homeport.settings.secret_specs import former_names
from tests.support import deploy_env
from tests.unit.stack.signed_preset import PRESET

SPEC = PRESET.services[0].secrets[0]
KEY = hashlib.sha256(b"nobody's key").hexdigest()[:40]
OTHER = hashlib.sha256(b"somebody else's key").hexdigest()
MODULE = "tests.unit.stack.signed_preset"


@pytest.fixture
def asked(monkeypatch):
    """What a stack of the preset is resolved to, with these secrets."""
    monkeypatch.setitem(registry._BUILT, "signed", MODULE)
    monkeypatch.setattr(load, "PRESETS", (*load.PRESETS, "signed"))

    def run(settings=None, **secrets):
        values = {"homeport:preset": "signed", "homeport:settings": json.dumps(settings or {})}
        held = {f"homeport:{name.replace('_', '-')}": value for name, value in secrets.items()}
        return resolve(Configuration("dev", values | held, frozenset(held)))

    return run


def by_openssl(token, key):
    """Whether openssl, which knows nothing of our code, makes the same signature."""
    text, _, signature = token.rpartition(".")
    done = subprocess.run(
        ["openssl", "dgst", "-sha256", "-hmac", key, "-binary"], input=text.encode(), capture_output=True, check=True
    )
    return base64.urlsafe_b64encode(done.stdout).decode().rstrip("=") == signature


def said(token):
    header, claims, _ = token.split(".")
    return tuple(json.loads(base64.urlsafe_b64decode(f"{part}==")) for part in (header, claims))


@pytest.mark.req("S1-41")
@pytest.mark.parametrize("key", [KEY, OTHER, "6\\" * 30, "k" * 200])
def test_a_token_is_signed_so_that_openssl_agrees_and_says_its_claims(key):
    token = jwt.signed(key, SPEC.claims)

    assert by_openssl(token, key), "RFC 7515: HMAC of SHA-256 over header and claims"
    assert ({"alg": "HS256", "typ": "JWT"}, dict(SPEC.claims)) == said(token), "nothing else is in it"
    assert token == jwt.signed(key, SPEC.claims), "a second preview is empty: the same token each time"
    assert token != jwt.signed(f"{key}x", SPEC.claims), "another key, another token"
    assert "" == jwt.misfit(token, key, SPEC.claims, time.time())


@pytest.mark.req("S1-41")
def test_the_program_makes_the_token_of_the_key_that_it_makes(build):
    credentials = build({}, {}, "signed", signed=MODULE).exports["credentials"]
    token, key = (credentials["value"][name] for name in ("visitor-token", "signing-key"))

    assert credentials["secret"], "the state holds both encrypted, and no preview shows them"
    assert jwt.signed(key, SPEC.claims) == token, "homeport credentials shows a token that works"


@pytest.mark.req("S1-41")
def test_the_key_is_made_even_where_no_container_reads_it(asked, monkeypatch):
    gate = PRESET.services[0]
    alone = replace(PRESET, services=(replace(gate, secret_files=gate.secret_files[:1]),))
    monkeypatch.setattr(f"{MODULE}.PRESET", alone)
    plan = asked()

    assert {"signing-key": "password"} == dict(plan.generated)
    assert {"visitor-token"} == set(plan.derived)


@pytest.mark.req("S1-41")
def test_a_token_that_fits_its_key_is_taken_as_it_is(asked):
    token = jwt.signed(KEY, {**SPEC.claims, "iss": "gate-of-before", "exp": 4102444800})
    plan = asked(signing_key=KEY, visitor_token=token)

    assert token == plan.supplied["visitor-token"].reveal(), "who has given it out need not give out another one"
    assert {} == dict(plan.derived)


@pytest.mark.req("S1-41")
@pytest.mark.parametrize(
    ("secrets", "path", "words"),
    [
        ({"visitor_token": jwt.signed(KEY, SPEC.claims)}, "visitor-token", "homeport:signing-key, which is not given"),
        (
            {"visitor_token": jwt.signed(OTHER, SPEC.claims), "signing_key": KEY},
            "visitor-token",
            "does not fit homeport:signing-key: it is not signed with it",
        ),
        (
            {"visitor_token": jwt.signed(KEY, {**SPEC.claims, "role": "admin"}), "signing_key": KEY},
            "visitor-token",
            "it does not say role visitor",
        ),
        (
            {"visitor_token": jwt.signed(KEY, {**SPEC.claims, "exp": 1764374401}), "signing_key": KEY},
            "visitor-token",
            "no longer valid",
        ),
        ({"visitor_token": "no token at all, whatever it is", "signing_key": KEY}, "visitor-token", "another shape"),
        ({"signing_key": KEY[:31]}, "signing-key", "too short to sign with HS256: 32 characters"),
    ],
)
def test_a_token_that_does_not_fit_its_key_is_refused_in_words(asked, secrets, path, words):
    with pytest.raises(SettingsError) as refused:
        asked(**secrets)

    assert [f"homeport:{path}"] == [problem.path for problem in refused.value.problems], "one mistake, one line"
    assert words in refused.value.problems[0].what
    assert refused.value.problems[0].fix.startswith("Run: bin/homeport pulumi config"), "a command that can be pasted"
    assert not [value for value in secrets.values() if value in str(refused.value)], "no word of a value"


@pytest.mark.req("S1-41")
def test_a_token_has_no_number_of_its_own_to_be_rotated_by(asked):
    with pytest.raises(SettingsError, match="is no generated secret"):
        asked({"rotate": {"visitor-token": 2}})

    assert asked({"rotate": {"signing-key": 2}}).settings.rotate, "its key has one"


@pytest.mark.req("S1-41")
def test_a_name_of_a_env_file_means_the_secret_of_the_stacks_own_preset(monkeypatch):
    monkeypatch.setitem(registry._BUILT, "signed", MODULE)
    mine, theirs = former_names(registry.declared("signed")), former_names(registry.declared("jett"))

    assert ("visitor-token", "signing-key") == (mine["VISITOR_TOKEN"], mine["POSTGRES_PASSWORD"])
    assert "postgres-password" == theirs["POSTGRES_PASSWORD"], "another preset's secret has the same name there"


def deployed(plan, folder, env):
    return deploy_env.deployed(PRESET, plan, folder, env, ("POSTGRES_PASSWORD", "VISITOR_TOKEN"))


@pytest.mark.req("S1-41")
def test_an_exports_script_makes_the_same_token_and_keeps_none(asked, tmp_path):
    key, token = deployed(asked(), tmp_path / "made", {}).split()
    mine = deployed(asked(), tmp_path / "mine", {"POSTGRES_PASSWORD": KEY}).split()
    both = {"POSTGRES_PASSWORD": KEY, "VISITOR_TOKEN": jwt.signed(KEY, SPEC.claims)}

    assert jwt.signed(key, SPEC.claims) == token, "the key was made there, and the token of it"
    assert "VISITOR_TOKEN" not in (tmp_path / "made/secrets/generated.env").read_text(), "of a new key, a new token"
    assert [KEY, jwt.signed(KEY, SPEC.claims)] == mine
    assert mine == deployed(asked(), tmp_path / "both", both).split(), "and what export --secrets wrote is taken"


@pytest.mark.req("S1-41")
@pytest.mark.parametrize(
    ("env", "words"),
    [
        ({"VISITOR_TOKEN": jwt.signed(KEY, SPEC.claims)}, "VISITOR_TOKEN is set and POSTGRES_PASSWORD is not"),
        (
            {"VISITOR_TOKEN": jwt.signed(KEY, SPEC.claims), "POSTGRES_PASSWORD": OTHER},
            "is not signed with POSTGRES_PASSWORD",
        ),
        ({"VISITOR_TOKEN": "abc", "POSTGRES_PASSWORD": KEY}, "VISITOR_TOKEN must be a JSON Web Token"),
        ({"POSTGRES_PASSWORD": KEY[:31]}, "POSTGRES_PASSWORD is too short to sign VISITOR_TOKEN"),
    ],
)
def test_an_exports_script_refuses_what_does_not_fit(asked, tmp_path, env, words):
    answer = deployed(asked(), tmp_path / "export", env)

    assert words in answer, "before anything is changed"
    assert not [value for value in env.values() if value in answer], "no value is printed"
