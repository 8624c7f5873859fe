"""The one line that counts all tests."""

import subprocess
import sys

import pytest

from homeport.cli import testing
from homeport.model.errors import ToolError

SUITE = """
import pytest

def test_good(): pass
def test_bad(): assert 1 == 2
@pytest.fixture
def broken(): raise ValueError("no world")
def test_without_world(broken): pass
def test_good_until_its_fixture_ends(late): pass
@pytest.fixture
def late():
    yield
    raise ValueError("left something")
@pytest.mark.skip(reason="needs the moon")
def test_moon(): pass
"""


def test_errors_of_fixtures_count_as_failures_and_skips_have_reasons(tmp_path):
    (tmp_path / "test_it.py").write_text(SUITE)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--junit-xml=r.xml",
        "--rootdir=.",
        "-c",
        "/dev/null",
    ]
    subprocess.run(argv, cwd=tmp_path, capture_output=True, check=False)

    count = testing.read_results(tmp_path / "r.xml")

    assert "1 passed, 3 failed, 1 skipped" == str(count), "a test whose fixture fails has proved nothing"
    assert ["test_it.test_moon: needs the moon"] == count.skipped, "a skip is told with its reason"


@pytest.mark.parametrize(
    ("count", "code"),
    [
        (testing.Count(passed=2), 0),
        (testing.Count(passed=2, failed=1), 1),
        (testing.Count(), 1),
        (testing.Count(skipped=["a"]), 1),
    ],
)
def test_nothing_passed_is_no_success(count, code, capsys):
    assert code == testing._end(count)
    assert str(count) == capsys.readouterr().out.splitlines()[-1], "the last line counts"


def test_an_unknown_stage_is_refused_with_the_known_ones():
    with pytest.raises(ToolError, match=r"no stage nope(?s:.*)check, unit, engine, system, long, apps, docker, world"):
        testing.run(("nope",))
