"""Secrets have their own lane: judged without being shown, and Pulumi secrets ever after."""

import base64
import copy
import pickle
import secrets as randomness
import subprocess
from pathlib import Path

import pytest

from catalog.presets.registry import declared
from homeport.model.secret import SHAPES
from homeport.settings.load import Configuration, load
from homeport.settings.secret_specs import known_secrets
from homeport.settings.secrets import Masked, check_lengths, missing
from homeport.settings.strength import weakness

SPECS = known_secrets(declared())
CANARY = "cAnArY-7f3kQ9zX2mB8vL5tR1w"


@pytest.mark.req("S3-40")
@pytest.mark.parametrize("kind", ["password", "account-password", "token", "hex64"])
def test_random_values_of_the_stated_strength_are_never_called_weak(kind):
    made = {
        "hex64": lambda: randomness.token_hex(32),
        "password": lambda: base64.b64encode(randomness.token_bytes(32)).decode(),
    }
    make = made.get(kind, lambda: "A1" + randomness.token_hex(20))

    assert [] == [what for what in (weakness(kind, make()) for _ in range(5000)) if what], "5,000 of 5,000 must pass"


@pytest.mark.parametrize(
    ("name", "value", "taken"),
    [
        ("litellm-salt-key", "sk-" + randomness.token_urlsafe(24), True),
        ("litellm-master-key", "sk-" + randomness.token_hex(32), True),
        ("litellm-master-key", randomness.token_hex(32), True),
        ("litellm-master-key", randomness.token_hex(24), False),
        ("litellm-master-key", "sk-1234", False),
        ("litellm-master-key", "sk-" + "1234" * 8, False),
        ("litellm-salt-key", "sk-$(" + randomness.token_hex(16), False),
        ("litellm-salt-key", "a5" * 32, False),
        ("sure-secret-key-base", randomness.token_hex(64), True),
        ("sure-secret-key-base", randomness.token_hex(32), True),
        ("sure-secret-key-base", randomness.token_hex(31), False),
        ("sure-secret-key-base", randomness.token_hex(65), False),
        ("sure-secret-key-base", "a5" * 64, False),
    ],
    ids=lambda value: "" if isinstance(value, str) and len(value) > 30 else str(value),
)
def test_a_key_that_encrypts_data_of_before_is_taken_as_its_software_wrote_it(name, value, taken):
    problems = list(check_lengths({name: len(value)}, SPECS)) if taken else []

    assert taken == (not weakness(SPECS[name].kind, value)), "as upstream's documentation makes them, and no other"
    assert [] == problems, "nor by its length alone"


@pytest.mark.parametrize(
    "value", (Path(__file__).parents[2] / "cases" / "settings" / "weak.txt").read_text().splitlines()
)
def test_a_password_from_a_list_or_a_pattern_is_refused(value):
    assert weakness("password", value), "somebody tries this one first"


def test_an_unencrypted_ed25519_key_is_taken_and_others_are_not(tmp_path):
    def made(*options):
        path = tmp_path / f"key{len(list(tmp_path.iterdir()))}"
        subprocess.run(["ssh-keygen", "-q", "-f", path, "-C", "", *options], check=True)
        return path.read_text()

    assert "" == weakness("ssh-key", made("-t", "ed25519", "-N", "")), "the key that ssh-keygen makes"
    assert weakness("ssh-key", made("-t", "ed25519", "-N", "a passphrase")), "nobody could type the passphrase"
    assert weakness("ssh-key", made("-t", "rsa", "-b", "3072", "-N", "")), "one type is enough"


@pytest.mark.req("P-06")
def test_every_missing_secret_is_named_with_its_purpose_and_its_command():
    problems = list(missing({"embedding-api-key", "hcloud-token", "postgres-password"}, set(), SPECS))

    assert ["homeport:embedding-api-key", "homeport:hcloud-token"] == [one.path for one in problems], (
        "a generated one is not missing"
    )
    assert all(SPECS[one.path[9:]].purpose in one.what for one in problems), "a user learns what breaks without it"
    assert [
        "Run: bin/homeport pulumi config set --secret homeport:embedding-api-key",
        "Run: bin/homeport pulumi config set --secret homeport:hcloud-token",
    ] == [problem.fix for problem in problems], "the line to type"


def test_a_secret_that_nobody_described_is_named():
    assert ["homeport:nobody-knows"] == [problem.path for problem in missing({"nobody-knows"}, set(), SPECS)], (
        "a catalog entry misspells it"
    )


def test_a_secret_that_is_given_is_not_missing():
    assert [] == list(missing({"hcloud-token"}, {"hcloud-token"}, SPECS)), "it is there"


def test_a_masked_secret_is_never_shown():
    masked = Masked(CANARY)
    shown = f"{masked} {masked!r} {masked!s} {[masked]} {vars(load.__class__) and masked}"

    assert CANARY not in shown, "logs and tracebacks print what they are given"
    for write in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError, match="not written down"):
            write(masked)
    assert not hasattr(masked, "__dict__"), "vars() shows nothing"


@pytest.mark.req("P-08")
def test_a_loaded_configuration_does_not_show_its_secrets():
    raw = {"homeport:preset": "vpai", "homeport:redis-password": CANARY}
    loaded = load(Configuration("dev", raw, frozenset({"homeport:redis-password"})), declared=declared())

    assert CANARY not in repr(loaded), "a configuration may be logged"
    assert CANARY == loaded.secrets["redis-password"].reveal(), "the value did arrive"


def test_every_secret_says_what_it_is_for_and_what_it_looks_like():
    assert [] == [spec.name for spec in SPECS.values() if spec.kind not in SHAPES or not spec.purpose], (
        "docs and refusals need both"
    )


@pytest.mark.parametrize(
    ("name", "length", "words"),
    [
        ("hcloud-token", 0, "is empty"),
        ("hcloud-token", 63, "63 characters: its issuer's have 64"),
        ("hcloud-token", 64, ""),
        ("cloudflare-api-token", 3, "is too short"),
        ("cloudflare-api-token", 40, ""),
        ("postgres-password", 5, "is too short"),
        ("ssh-private-key", 0, "is empty"),
    ],
)
def test_a_secret_that_nobody_can_read_is_judged_by_its_length(name, length, words):
    problems = list(check_lengths({name: length}, SPECS))

    assert bool(words) == bool(problems), problems
    assert all(words in one.what and one.fix.startswith("Run: bin/homeport pulumi config set") for one in problems)
