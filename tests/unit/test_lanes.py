"""Which tests run in one process: what shares a world is never taken apart."""

import os
import subprocess
import sys
from pathlib import Path

from homeport.cli.testing import EARLIER, FAILED, RAN, STUCK

ROOT = Path(__file__).parents[2]


def test_what_shares_a_world_stays_in_one_lane_and_other_files_are_lanes_of_their_own():
    from tests.support.lanes import lane

    assert lane("tests/rehearsal/production/test_life.py") == lane("tests/rehearsal/production/test_production.py")
    assert lane("tests/rehearsal/machine/test_filter.py") == lane("tests/rehearsal/machine/test_trouble.py")
    assert lane("tests/rehearsal/shared/test_dev.py") == lane("tests/rehearsal/shared/test_tunnel.py"), "fixed names"
    assert "tests/rehearsal/host/test_host.py" == lane("tests/rehearsal/host/test_host.py"), "one file, one lane"


def test_what_begins_first_is_there():
    from tests.support.checkout import FILES
    from tests.support.lanes import LONGEST, lane

    groups = {lane(str(path.relative_to(ROOT))) for path in FILES if path.name.startswith("test_")}

    assert [] == [name for name in LONGEST if name not in groups], "a file that has moved begins last"


SESSION = """
from pathlib import Path
import pytest

@pytest.fixture(scope="session")
def log():
    def write(word):
        with Path(__file__).with_name("log").open("a") as file:
            file.write(word + " ")
    return write

@pytest.fixture(scope="session")
def stack(log):
    log("up")
    yield
    log("down")
"""


def lanes(folder, number, *more):
    """Runs the tests of a folder in so many lanes, by the xdist that is installed."""
    words = ("-n", number, "--dist", "loadscope", "--no-loadscope-reorder", "-rP", "-p", "no:cacheprovider")
    argv = [sys.executable, "-m", "pytest", *words, "-p", "tests.support.lanes", "-c", "/dev/null", *more, str(folder)]
    # What the run that this test is of notes has nothing of these.
    environ = {name: value for name, value in os.environ.items() if name not in {FAILED, RAN, EARLIER}}
    return subprocess.run(
        [*argv, "--rootdir", str(folder)],
        cwd=ROOT,
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_lanes_keep_a_file_together_on_the_xdist_that_is_installed(tmp_path):
    for name in ("one", "two"):
        body = "".join(f"def test_{n}(worker_id):\n    print('at', __name__, worker_id)\n" for n in range(8))
        (tmp_path / f"test_{name}.py").write_text(body)
    done = lanes(tmp_path, "2")
    lines = {line for line in done.stdout.splitlines() if line.startswith("at ")}

    assert 0 == done.returncode, done.stdout + done.stderr
    assert 2 == len(lines), f"one process for each file, not one for each test: {sorted(lines)}"


def test_what_a_group_has_up_goes_with_its_last_test_and_not_when_the_lane_ends(tmp_path):
    for name in ("first", "second"):
        body = f"def test_a(stack): pass\ndef test_b(stack, log): log('{name}')\n"
        (tmp_path / f"test_{name}.py").write_text(body)
    (tmp_path / "conftest.py").write_text(SESSION)
    done = lanes(tmp_path, "1")

    assert 0 == done.returncode, done.stdout + done.stderr
    assert ["up", "first", "down", "up", "second", "down"] == (tmp_path / "log").read_text().split()


def test_what_fails_is_told_at_once_for_a_run_that_is_ended_by_its_time_limit(tmp_path):
    (tmp_path / "test_first.py").write_text("def test_a(): assert 1 == 2, 'the reason'\ndef test_b(): pass\n")
    done = lanes(tmp_path, "1")
    before, failures, _ = done.stdout.partition("= FAILURES =")

    assert failures, done.stdout + done.stderr
    assert "failed: test_first.py::test_a (call" in before and "the reason" in before, "before the summary"


def test_a_test_that_stands_still_fails_with_its_place_and_the_others_of_its_lane_run(tmp_path):
    (tmp_path / "test_first.py").write_text(
        "import threading\ndef test_a(): threading.Event().wait()\ndef test_b(): pass\n"
    )
    stuck = [word.replace("=1500", "=5") for word in STUCK]
    done = lanes(tmp_path, "1", *stuck)

    assert stuck != [*STUCK], "it waits for seconds here"
    assert "1 failed, 1 passed" in done.stdout, done.stdout + done.stderr
    assert "test_first.py::test_a" in done.stdout and "in test_a" in done.stderr, "which, and where it stood"
