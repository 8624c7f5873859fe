"""The one line that counts all tests."""

import subprocess
import sys
import xml.etree.ElementTree as ET

import pytest

from homeport.cli import finished, testing
from homeport.cli.places import ROOT
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


@pytest.fixture
def lanes(tmp_path, monkeypatch):
    """Runs files of tests as the lanes' stage does, and gives how they ended."""

    def run(text):
        (tmp_path / "test_it.py").write_text(text)
        (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
        monkeypatch.setattr(testing, "ROOT", tmp_path)
        monkeypatch.setattr(testing, "cache", lambda: tmp_path / "cache")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        return testing._stage("docker", ("test_it.py", "-m", "not nothing"))

    return run


UNSTEADY = """
from pathlib import Path

def test_that_fails_once():
    note = Path(__file__).with_name("note")
    before = note.exists()
    note.touch()
    assert before
def test_good(): pass
"""
SAMPLED = """
import pytest
from pathlib import Path
from tests.support import campaign

@pytest.mark.parametrize("point", campaign.sample("rotations of a key", range(10**6)))
def test_a_point(point):
    note = Path(__file__).with_name("note")
    before = note.exists()
    note.touch()
    assert before
"""
BROKEN = "def test_that_fails_again(): assert 1 == 2\n"
MANY = "import pytest\n\n@pytest.mark.parametrize('n', range(6))\ndef test_bad(n): assert n == 7\n"


def test_a_test_that_passes_when_it_runs_again_alone_is_counted_and_named(lanes, capfd):
    count = lanes(UNSTEADY)

    assert "2 passed, 0 failed, 0 skipped" == str(count)
    assert ["test_it.py::test_that_fails_once"] == count.unsteady
    assert 0 == testing._end(count)
    shown = capfd.readouterr().out
    assert "passed only when it ran again, alone: test_it.py::test_that_fails_once" in shown, "nobody misses it"


def test_what_failed_in_a_sample_of_a_campaign_is_there_when_it_runs_again(lanes, monkeypatch):
    monkeypatch.delenv("HOMEPORT_SEED", raising=False)

    count = lanes(SAMPLED)

    assert "1 passed, 0 failed, 0 skipped" == str(count), "the second run takes the sample of the first"
    assert ["test_it.py::test_a_point["] == [name.rstrip("0123456789]") for name in count.unsteady]


def test_a_test_that_fails_again_has_failed_and_the_others_with_it(lanes):
    count = lanes(UNSTEADY + BROKEN)

    assert "1 passed, 2 failed, 0 skipped" == str(count), "a run with a defect gets no second opinion on its others"
    assert [] == count.unsteady


def test_many_failures_are_no_accident_and_run_only_once(lanes, capfd):
    assert "0 passed, 6 failed, 0 skipped" == str(lanes(MANY))
    assert "run again" not in capfd.readouterr().out


LONE = "def test_alone(): print('ran')\n"
IN_A_FILE = """
from pathlib import Path

def test_before(): pass
def test_that_is_stopped():
    note = Path(__file__).with_name("mended")
    assert note.exists()
"""


@pytest.fixture
def hours(tmp_path, monkeypatch):
    """Runs two files of tests as the stage of hours does; gives its count, and which tests ran."""

    def run():
        for name, text in (("test_lone", LONE), ("test_stopped", IN_A_FILE)):
            (tmp_path / f"{name}.py").write_text(text)
        (tmp_path / "pyproject.toml").write_text("[tool.pytest.ini_options]\n")
        monkeypatch.setattr(testing, "ROOT", tmp_path)
        monkeypatch.setattr(testing, "cache", lambda: tmp_path / "cache")
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.delenv(testing.FAILED, raising=False)  # what the stage that this test is in runs again
        count = testing._stage("long", ("test_lone.py", "test_stopped.py", "-m", "not nothing"))
        results = ET.parse(tmp_path / "cache/test-results/long.xml").getroot()  # noqa: S314  # pytest's own
        return str(count), sorted(case.get("name") for case in results.iter("testcase"))

    return run


def test_a_stage_of_hours_that_was_stopped_goes_on_and_takes_no_file_in_half(hours, tmp_path, capfd):
    assert ("2 passed, 1 failed, 0 skipped", ["test_alone", "test_before", "test_that_is_stopped"]) == hours()
    (tmp_path / "mended").touch()

    count, ran = hours()

    assert "3 passed, 0 failed, 0 skipped" == count, "the one that passed earlier counts"
    assert ["test_before", "test_that_is_stopped"] == ran, "a file that did not pass whole runs from its beginning"
    assert "passed earlier on the same files, and not run again: 1" in capfd.readouterr().err
    assert 3 == len(hours()[1]), "what passed whole begins anew"


def test_a_stage_of_hours_begins_anew_on_other_files(hours, tmp_path, monkeypatch):
    hours()
    (tmp_path / "mended").touch()
    monkeypatch.setattr(finished, "_hashes", lambda: ("others", {}))

    assert 3 == len(hours()[1]), "what ran on other files has proved nothing"
    assert [] == list((tmp_path / "cache/test-results").glob("*.ran")), "and its record is gone"


def test_a_module_of_tests_that_nobody_imports_is_the_business_of_its_own_tests_alone(hours, monkeypatch):
    modules = {"test_lone.py": "1", "test_stopped.py": "2"}
    monkeypatch.setattr(finished, "_hashes", lambda: ("same", modules))
    hours()
    assert 2 == len(hours()[1])
    modules["test_lone.py"] = "3"
    assert 3 == len(hours()[1]), "the one that was changed runs again, though it passed"
    assert 2 == len(hours()[1])


def test_a_record_stands_on_everything_but_modules_of_tests_and_pages(tmp_path, monkeypatch):
    def put(name, text):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
        return finished._hashes()

    monkeypatch.setattr(finished, "ROOT", tmp_path)
    monkeypatch.setattr(finished, "files", lambda: {str(f.relative_to(tmp_path)) for f in tmp_path.rglob("*.*")})
    put("tests/test_a.py", "a")
    put("tests/test_b.py", "b")
    shared, modules = put("program.py", "c")
    assert {"tests/test_a.py", "tests/test_b.py"} == {*modules}

    assert (shared, modules) == put("docs/page.md", "d"), "a page proves nothing"
    changed = put("tests/test_a.py", "e")
    assert shared == changed[0] and modules["tests/test_b.py"] == changed[1]["tests/test_b.py"]
    assert modules["tests/test_a.py"] != changed[1]["tests/test_a.py"]
    assert shared != put("program.py", "f")[0]
    imports, modules = put("tests/test_b.py", "from tests.test_a import stack\n")
    assert {"tests/test_b.py"} == {*modules}, "what others import is theirs too"
    assert imports != put("tests/test_a.py", "g")[0]


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
