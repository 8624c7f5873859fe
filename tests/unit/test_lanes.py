"""Which tests run in one process: what shares a world is never taken apart."""

import subprocess
import sys
from pathlib import Path

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


def test_lanes_keep_a_file_together_on_the_xdist_that_is_installed(tmp_path):
    for name in ("one", "two"):
        body = "".join(f"def test_{n}(worker_id):\n    print('at', __name__, worker_id)\n" for n in range(8))
        (tmp_path / f"test_{name}.py").write_text(body)
    argv = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "--dist",
        "loadscope",
        "--no-loadscope-reorder",
        "-rP",
        "-p",
        "no:cacheprovider",
        "-p",
        "tests.support.lanes",
        "--rootdir",
        str(tmp_path),
        "-c",
        "/dev/null",
        str(tmp_path),
    ]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    lines = {line for line in done.stdout.splitlines() if line.startswith("at ")}

    assert 0 == done.returncode, done.stdout + done.stderr
    assert 2 == len(lines), f"one process for each file, not one for each test: {sorted(lines)}"
