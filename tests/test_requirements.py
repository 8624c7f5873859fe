"""docs/requirements.toml: a row has a proof or a reason, and nobody cites a row that is not there."""

import json

import pytest

from homeport.cli import requirements
from homeport.model.errors import ToolError


@pytest.fixture(scope="module")
def whole():
    return requirements.read()


def test_every_row_has_a_proof_or_a_reason(whole):
    assert [] == list(whole.problems()), "fix the citation, or give the reason in docs/requirements.toml"


def test_rows_are_cited_at_all(whole):
    assert len(whole.proofs) > 150, "tests and claims cite what they prove"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ('@pytest.mark.req("S2-99")\ndef test_it(): ...', "S2-99: is cited by tests/test_it.py::test_it"),
        ('@pytest.mark.req("S2-02")\ndef test_it(): ...', "S2-02: is proved, but docs/requirements.toml still gives"),
        ("def test_it(): ...", "S2-01: no test or claim cites it"),
        ('pytestmark = [pytest.mark.req("S2-98")]', "S2-98: is cited by tests/test_it.py::(whole file)"),
        ('CLAIM = Claim(name="bound", rows=("S2-97",))', "S2-97: is cited by tests/test_it.py::claim bound"),
    ],
)
def test_a_slip_is_named(tmp_path, code, message):
    (tmp_path / "docs").mkdir()
    (tmp_path / "tests").mkdir()
    rows = '[groups]\nS2 = "one"\n[open]\nS2-02 = "why"\n[resolved]\n[rows]\nS2-01 = "a"\nS2-02 = "b"\n'
    (tmp_path / "docs" / "requirements.toml").write_text(rows)
    (tmp_path / "tests" / "test_it.py").write_text(code)

    problems = list(requirements.read(tmp_path).problems())

    assert [text for text in problems if text.startswith(message)], f"{problems} name the slip"


def test_the_command_shows_how_each_group_stands_and_fails_on_a_row_with_neither(monkeypatch, capsys):
    rows = {"S2-01": "a", "S2-02": "b", "S2-03": "c"}
    whole = requirements.Requirements(
        groups={"S2": "one"},
        rows=rows,
        reasons={"S2-02": "why"},
        resolved={},
        proofs={"S2-01": ("tests/x.py::test_x",)},
    )
    monkeypatch.setattr(requirements, "read", lambda: whole)

    assert 1 == requirements.show((), unproved=False, as_json=False)
    said = capsys.readouterr().out.splitlines()
    assert ["S2", "1", "1", "1", "one"] == said[1].split(), "proved, open with a reason, neither"
    assert said[2].startswith("S2-03: no test or claim cites it")


def test_the_command_shows_what_proves_a_row_and_why_another_is_open(whole, monkeypatch, capsys):
    monkeypatch.setattr(requirements, "read", lambda: whole)
    assert 0 == requirements.show(("S2-58", "P-07"), unproved=False, as_json=False)
    said = capsys.readouterr().out
    assert "second-preview-empty" in said
    assert "See FP-08." in said

    requirements.show((), unproved=True, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert {"open"} == {row["state"] for row in document["rows"]}
    assert [] == document["problems"]
    assert len([row for row in whole.rows if row.startswith("S2-")]) == sum(document["groups"]["S2"].values())


def test_a_row_that_is_not_there_is_refused_with_the_groups_that_are(whole, monkeypatch):
    monkeypatch.setattr(requirements, "read", lambda: whole)
    with pytest.raises(ToolError, match="there is no row or group S9\n  fix: homeport requirements GROUP, of P, S1"):
        requirements.show(("S9",), unproved=False, as_json=False)
