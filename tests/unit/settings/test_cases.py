"""Every configuration below tests/cases/settings, refused or accepted as its file says."""

import base64
import hashlib
import json
from datetime import date
from pathlib import Path

import pytest

from catalog.presets.registry import declared
from homeport.model.errors import SettingsError
from homeport.settings.load import Configuration, load

CASES = Path(__file__).parents[2] / "cases" / "settings"
TODAY = date(2026, 11, 21)
EDITS = (
    "It asks for ",
    "Remove ",
    "Put it right as docs/settings.md says",
    "Write it as docs/settings.md says",
    "Give ",
)


def _made(text):
    """What stands for a secret in a case file: ``@hex2`` is a key nobody uses, the same in every run."""
    kinds = {"@hex": lambda raw: raw.hex(), "@password": lambda raw: base64.b64encode(raw).decode()}
    kinds["@token"] = kinds["@n8n"] = lambda raw: "A1" + raw.hex()[:40]
    for kind, make in kinds.items():
        if text.startswith(kind):
            label = text[: len(kind) + 1].strip()
            return make(hashlib.sha256(label.encode()).digest()) + text[len(label) :]
    return text


def configuration(case):
    """What a case file stands for."""
    settings = case.get("settings")
    raw = {"homeport:preset": case.get("preset", "vpai"), **case.get("foreign", {})}
    if settings is not None:
        raw["homeport:settings"] = settings if isinstance(settings, str) else json.dumps(settings)
    raw.update({f"homeport:{name}": value for name, value in case.get("extra", {}).items()})
    secrets = {f"homeport:{name}": _made(value) for name, value in case.get("secrets", {}).items()}
    plain = {f"homeport:{name}" for name in case.get("plain", ())}
    encrypted = (set(secrets) - plain) | {f"homeport:{name}" for name in case.get("secret_keys", ())}
    values = {key: value for key, value in {**raw, **secrets}.items() if value is not None}
    return Configuration(case["stack"], values, frozenset(encrypted))


def _load(case):
    return load(configuration(case), TODAY, declared=declared())


def _at(settings, path):
    for part in path.split("."):
        settings = settings[part]
    return settings


def _cases(kind):
    return pytest.mark.parametrize("path", sorted(CASES.glob(f"{kind}-*.json")), ids=lambda path: path.stem)


@pytest.mark.req("P-02", "P-16", "P-17", "S3-41", "A-05")
@_cases("refused")
def test_a_wrong_configuration_is_refused_for_its_own_reason(path):
    case = json.loads(path.read_text())

    with pytest.raises(SettingsError) as refusal:
        _load(case)
    problems = sorted((problem.path, problem.what) for problem in refusal.value.problems)

    assert [where for where, _ in sorted(case["expect"])] == [where for where, _ in problems], case["because"]
    for (_, words), (_, what) in zip(sorted(case["expect"]), problems, strict=True):
        assert words in what, case["because"]
    assert "CANARY" not in str(refusal.value), "a value is never repeated"


@_cases("refused")
def test_a_refusal_is_short_and_says_what_to_do(path):
    with pytest.raises(SettingsError) as refusal:
        _load(json.loads(path.read_text()))

    for problem in refusal.value.problems:
        assert 3 >= len(str(problem).splitlines()), "path, what is wrong, what to do"
        assert problem.fix.startswith((*EDITS, "Run: bin/homeport pulumi config ")), "a user is told what to do"
        assert "rm homeport:a;id" not in problem.fix, "what is copied into a shell is quoted"
        for jargon in ("Traceback", "pydantic", "Input should", "value_error", "errors.", "ValidationError"):
            assert jargon not in str(problem), "the library's words are not the user's"


@pytest.mark.req("P-09", "P-10", "P-20", "P-25", "S3-38")
@_cases("accepted")
def test_a_right_configuration_is_accepted_as_meant(path):
    case = json.loads(path.read_text())
    settings = _load(case).settings.model_dump(mode="json")

    assert case["expect"] == {path: _at(settings, path) for path in case["expect"]}, case["because"]


def test_there_are_enough_cases():
    assert 45 <= len(list(CASES.glob("refused-*.json"))), "one for each way to go wrong"
    assert 10 <= len(list(CASES.glob("accepted-*.json"))), "a wall that refuses everything is no gate"
