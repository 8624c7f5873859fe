"""docs/requirements.toml: a row has a proof or a reason, and nobody cites a row that is not there."""

import pytest

from homeport.cli import requirements


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
    rows = '[groups]\nS2 = "one"\n[later]\n[open]\nS2-02 = "why"\n[resolved]\n[rows]\nS2-01 = "a"\nS2-02 = "b"\n'
    (tmp_path / "docs" / "requirements.toml").write_text(rows)
    (tmp_path / "tests" / "test_it.py").write_text(code)

    problems = list(requirements.read(tmp_path).problems())

    assert [text for text in problems if text.startswith(message)], f"{problems} name the slip"
