"""`.env` files: what is read is what docker compose reads, what is not changed stays to the byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from infra_tools.dotenv import EnvFile, EnvFileError, quoted

CASES = json.loads((Path(__file__).parent / "dotenv.json").read_text(encoding="utf-8"))
LETTERS = st.sampled_from(list("ab1'\"\\$#{}=: \t\n\r:-é日\u00a0\ufeff`!&|;()<>*?~"))
VALUES = st.text(alphabet=LETTERS, max_size=14) | st.text(
    alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10
)
EMPTY = "''"
NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,6}", fullmatch=True)
REMARKS = st.sampled_from(["", "# a remark\n", "\n", "   \n", "  # indented 'quote\n", "INHERITED\n", "export ALONE\n"])
STYLES = st.sampled_from(["{}={}", "export {}={}", "  {}={}", "{} = {}", "export   {}={}", "{}: {}"])


@pytest.mark.parametrize(("text", "values"), CASES["read"], ids=[repr(case[0])[:50] for case in CASES["read"]])
def test_a_file_means_what_compose_makes_of_it(text, values):
    file = EnvFile.parse(text)
    assert values == file.values(), "compose-go, dotenv/parser.go"
    assert text == file.text(), "and is written as it was read"


@pytest.mark.parametrize("text", CASES["refused"])
def test_what_compose_refuses_is_refused_with_its_line_and_without_its_text(text):
    with pytest.raises(EnvFileError) as refusal:
        EnvFile.parse(text).values()
    assert "line " in str(refusal.value)
    assert "canary" not in str(refusal.value), "what stands in a broken line may be a secret"


@given(
    st.dictionaries(NAMES, VALUES, max_size=6),
    st.lists(st.tuples(REMARKS, STYLES), min_size=6, max_size=6),
    st.booleans(),
)
def test_any_value_that_is_written_is_read_back(values, frame, bom):
    lines = [
        remark + style.format(name, quoted(value, name)) + "\n"
        for (name, value), (remark, style) in zip(values.items(), frame, strict=False)
    ]
    text = ("\ufeff" if bom else "") + "".join(lines)
    file = EnvFile.parse(text)
    assert values == file.values()
    assert text == file.text()


@given(
    st.dictionaries(NAMES, VALUES, min_size=1, max_size=5),
    st.lists(REMARKS, max_size=5),
    NAMES,
    VALUES,
    st.sampled_from(["\n", "\r\n"]),
)
def test_a_change_changes_one_value_and_nothing_else(values, remarks, name, value, end):
    lines = [f"{key}={quoted(content, key) or EMPTY} # of {key}{end}" for key, content in values.items()] + remarks
    before = EnvFile.parse("".join(lines))
    after = EnvFile.parse("".join(lines))
    after.set(name, value)
    again = EnvFile.parse(after.text())

    assert {**values, name: value} == again.values()
    others = [entry.text() for entry in before.entries if entry.name != name]
    assert others == [entry.text() for entry in again.entries if entry.name != name], (
        "comments, order and other values stay"
    )


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_in_words(text):
    try:
        file = EnvFile.parse(text)
    except EnvFileError:
        return
    assert text == file.text()


def test_of_two_lines_the_last_one_is_changed_as_it_is_the_one_that_counts():
    file = EnvFile.parse("A=1\nB=2\nA=3 # here\n")
    file.set("A", "4")
    assert ("A=1\nB=2\nA=4 # here\n", {"A": "4", "B": "2"}) == (file.text(), file.values())


def test_a_new_line_ends_as_the_others_do_and_comes_after_a_last_one_without_an_end():
    file = EnvFile.parse("A=1\r\nB=2")
    file.set("C", "3")
    assert "A=1\r\nB=2\r\nC=3\r\n" == file.text()


@pytest.mark.parametrize("value", ["\0", "a\0b", "\udc80"])
def test_what_no_variable_can_hold_is_refused(value):
    with pytest.raises(EnvFileError, match=r"^NAME: "):
        EnvFile().set("NAME", value)


@pytest.mark.parametrize("name", ["", "1A", "a-b", "a b", "a=b", "é", "A\n"])
def test_a_name_that_a_shell_cannot_have_is_refused(name):
    with pytest.raises(EnvFileError):
        EnvFile().set(name, "x")
