"""The lines of the program that tests of production change in its copy."""

import pytest

from tests.support.checkout import ROOT
from tests.support.edits import EDITS


@pytest.mark.parametrize("name", EDITS)
def test_a_line_that_tests_change_stands_there_once(name, tmp_path):
    edit = EDITS[name]
    text = (ROOT / edit.path).read_text()
    copy = tmp_path / edit.path
    copy.parent.mkdir(parents=True)
    copy.write_text(text)
    edit.apply(tmp_path)

    assert 1 == text.count(edit.old), f"{edit.path} has changed: so has tests/support/edits.py to"
    assert text != copy.read_text(), "the change changes something"
