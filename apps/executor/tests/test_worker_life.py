"""The spool worker's life: its end, its health, its log, its housekeeping and its load."""

from __future__ import annotations

import calendar
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PING = {"type": "ping", "message": "test"}


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.req("FP-09")
def test_expired_results_and_tombstones_are_removed_and_foreign_ones_stay(start_worker):
    worker = start_worker()
    worker.request("gone", PING)
    worker.result("gone")
    worker.stop()
    old = (time.time() - 3700,) * 2
    for file in (worker.root / "results" / "gone.json", worker.root / ".work" / "gone.done"):
        os.utime(file, old)
    (worker.root / "results" / "young.json").write_text("{}")
    if os.geteuid() == 0:
        foreign = worker.root / "results" / "foreign.json"
        foreign.write_text("{}")
        os.chown(foreign, 1000, -1)
        os.utime(foreign, old)
    worker = start_worker()

    assert worker.wait(lambda: not (worker.root / "results" / "gone.json").exists()), "older than an hour"
    left = {"young.json", "foreign.json"} if os.geteuid() == 0 else {"young.json"}
    assert left == set(names(worker.root / "results")), "young ones and other people's stay"
    assert worker.wait(lambda: not names(worker.root / ".work")), "the tombstone went too"


@pytest.mark.req("S3-23")
def test_sigterm_lets_the_current_task_end_and_leaves_the_rest(start_worker, workspace, mutate, tmp_path):
    go = tmp_path / "go"
    waits = (
        f"import os, time\n\n\ndef main() -> int:\n    while not os.path.exists({str(go)!r}):\n        time.sleep(0.02)"
    )
    mutate(workspace / "run_task.py", r"^def main\(\) -> int:$", waits)
    mutate(workspace / "executor_limits.py", r"wall_s: float = 30\.0", "wall_s: float = 600.0")
    folder = tmp_path / "exchange" / "requests"
    folder.mkdir(parents=True)
    for identity in ("first", "second"):
        (folder / f"{identity}.json").write_text(json.dumps({"id": identity, "task": PING}))
        time.sleep(0.05)
    worker = start_worker(workspace)
    assert worker.wait(lambda: worker.events("start")), "the task runs, and the second was seen in the same look"

    worker.process.send_signal(signal.SIGTERM)
    go.touch()
    assert 0 == worker.process.wait(180), "exit status after SIGTERM"
    assert json.loads((worker.root / "results" / "first.json").read_bytes())["ok"], "the current task was answered"
    assert (folder / "second.json").exists(), "the next one was not begun"
    assert ["start", "end", "stopped"] == [event["event"] for event in worker.events()][1:], "and the log says so"


def test_a_replaced_folder_ends_the_worker_instead_of_deafening_it(start_worker, tmp_path):
    worker = start_worker()
    (worker.root / "requests").rename(tmp_path / "moved")
    (worker.root / "requests").symlink_to(tmp_path / "moved")

    assert 1 == worker.process.wait(180), "exit status, so that the restart policy acts"
    assert "was replaced" in worker.log.read_text(), "and why"


@pytest.mark.parametrize(
    ("prepare", "says"),
    [
        (lambda root: root.rmdir(), "No such file"),
        (lambda root: (root / "requests").write_text(""), "Not a directory"),
        (lambda root: (root / "results").symlink_to("/tmp"), "Not a directory"),
        (lambda root: (root / ".work").symlink_to("/tmp"), "Not a directory"),
        (lambda root: (root / ".work").mkdir(mode=0o777), "open to others"),
    ],
    ids=["missing", "file for folder", "link for results", "link for work", "open work"],
)
def test_an_unfit_exchange_folder_is_named_with_what_mends_it(prepare, says, tmp_path):
    root = tmp_path / "exchange"
    root.mkdir()
    prepare(root)
    argv = [sys.executable, "-B", str(Path(__file__).parents[1] / "worker.py"), str(root)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=180, check=False)

    assert (1, "") == (done.returncode, done.stdout), "not started"
    assert says in done.stderr and "mend: chown root:GROUP" in done.stderr and "Traceback" not in done.stderr, (
        done.stderr
    )


def test_the_log_is_a_chain(start_worker):
    began = int(time.time())
    worker = start_worker()
    for number in range(3):
        worker.request(f"r{number}", {"type": "rm" if number == 1 else "ping"})
        worker.result(f"r{number}")
    worker.stop()
    lines = worker.log.read_bytes().splitlines()
    before = ["0" * 64, *[hashlib.sha256(line).hexdigest() for line in lines[:-1]]]

    entries = [json.loads(line) for line in lines]
    assert before == [entry["before"] for entry in entries], "each line carries the hash of the one before"
    assert [*range(1, len(lines) + 1)] == [entry["seq"] for entry in entries], "and its number"
    times = [calendar.timegm(time.strptime(entry["at"], "%Y-%m-%dT%H:%M:%SZ")) for entry in entries]
    assert began <= times[0] and sorted(times) == times, "and when it was written"
    assert ["done", "not_allowed", "done"] == [event["outcome"] for event in worker.events("end")], "refusals too"
    assert [True] * 3 == [len(event["request_sha256"]) == 64 for event in worker.events("start")], (
        "what was asked, as hash"
    )


def test_each_task_has_its_start_and_its_end_in_the_chain_however_it_ended(start_worker, workspace, mutate):
    """Done, refused, ended by its limit, crashed, and one that takes the worker with it until it is parked."""
    ends = '{"pong": dict, "late": lambda: __import__("time").sleep(600), "crash": __import__("os").abort}'
    mutate(workspace / "run_task.py", r'\{"message": given\["message"\]\}', f'{ends}[given["message"]]()')
    mutate(workspace / "executor_limits.py", r"wall_s: float = 30\.0", "wall_s: float = 1.0")
    dies = '        if task["type"] == "hash":\n            os.kill(os.getpid(), 9)\n'
    dies += "        return executor_api.dispatch(task)"
    mutate(workspace / "worker.py", r"^        return executor_api\.dispatch\(task\)$", dies)
    asked = {
        "done": ({"type": "ping"}, ("done", 0)),
        "refused": ({"type": "rm"}, ("not_allowed", 2)),
        "late": ({"type": "ping", "message": "late"}, ("timeout", 3)),
        "crash": ({"type": "ping", "message": "crash"}, ("internal", 4)),
        "poison": ({"type": "hash", "text": ""}, ("internal", 4)),
    }
    worker = start_worker(workspace)
    digests = {}
    for name, (task, _) in asked.items():
        digests[name] = hashlib.sha256(worker.request(name, task).read_bytes()).hexdigest()
        if name != "poison":
            worker.result(name)
    for _ in range(3):
        assert -9 == worker.process.wait(180), "the poison takes the worker with it"
        worker = start_worker(workspace, worker.root)
    worker.result("poison")
    worker.stop()

    before = ""
    for line in worker.log.read_bytes().splitlines():
        if b'"event":"ready"' in line:
            before = "0" * 64
            assert {"wall_s": 1.0, "cpu_s": 10}.items() <= json.loads(line)["limits"].items(), "what each life may use"
        assert before == json.loads(line)["before"], "each line carries the hash of the one before in its life"
        before = hashlib.sha256(line).hexdigest()
    starts = [(event["id"], event["tries"]) for event in worker.events("start")]
    assert [*((name, 1) for name in asked), ("poison", 2), ("poison", 3), ("poison", 4)] == starts, "every start"
    assert digests == {event["id"]: event["request_sha256"] for event in worker.events("start")}, "of what was asked"
    ended = [(event["id"], (event["outcome"], event["exit_code"])) for event in worker.events("end")]
    assert [(name, end) for name, (_, end) in asked.items()] == ended, "every end, with its exit"


@pytest.mark.req("I-06")
def test_nothing_of_a_task_steers_the_terminal_that_shows_the_log_or_a_result(start_worker, workspace, mutate):
    says = "def main() -> int:\n    import os\n    os.write(1, b'\\x1b[2J\\xff')\n    os.write(2, b'\\x1b]0;x\\x07')\n"
    says += "    return 7"
    mutate(workspace / "run_task.py", r"^def main\(\) -> int:$", says)
    worker = start_worker(workspace)
    words = "\x1b[2J\x07\r\n\x9b31m\u202e\u2028"
    tasks = {
        "own": PING,
        "type": {"type": words},
        "field": {"type": "ping", words: 1},
        "value": {"type": "ping", "message": 1},
    }
    for name, task in tasks.items():
        worker.request(name, task)
    results = [worker.result(name) for name in tasks]
    files = [worker.log, *(worker.root / "results").iterdir()]

    assert ["internal", "not_allowed", "invalid_input", "invalid_input"] == [one["error"]["code"] for one in results]
    assert [] == [file.name for file in files if not re.fullmatch(rb"[ -~\n]+", file.read_bytes())], "printable ASCII"


def test_a_hundred_thousand_foreign_files_delay_a_request_by_seconds_only(start_worker):
    worker = start_worker()
    folder = worker.root / "requests"
    for number in range(100_000):
        os.close(os.open(folder / f"{number}.tmp", os.O_CREAT | os.O_WRONLY))
    began = time.monotonic()
    worker.request("needle", PING)
    worker.result("needle")
    took = time.monotonic() - began

    assert took < 60, f"took {took:.2f} s"


def test_thousands_of_waiting_requests_are_all_answered_oldest_first(start_worker, tmp_path):
    root = tmp_path / "exchange"
    (root / "requests").mkdir(parents=True)
    now = time.time()
    for number in range(1500):
        file = root / "requests" / f"r{number}.json"
        file.write_text(json.dumps({"id": f"r{number}", "task": {"type": "no"}}))
        os.utime(file, (now - 2000 + number,) * 2)
    worker = start_worker(root=root)

    assert worker.wait(lambda: not any((root / "requests").iterdir()), 300), "all taken"
    # The last of them is noted after its request is gone.
    assert worker.wait(lambda: len(worker.events("end")) == 1500), "all noted"
    assert [f"r{number}" for number in range(1500)] == [event["id"] for event in worker.events("end")], (
        "the oldest first"
    )
    assert 1500 == len(names(root / "results")), "each has a result"


@pytest.mark.req("FP-09")
def test_the_health_check_follows_the_worker(start_worker, tmp_path):
    def health(root):
        argv = [sys.executable, "-I", "-S", "-B", str(Path(__file__).parents[1] / "healthcheck.py"), str(root)]
        return subprocess.run(argv, capture_output=True, text=True, check=False)

    worker = start_worker()
    alive = worker.root / ".alive"

    assert 0 == health(worker.root).returncode, "fresh"
    worker.process.send_signal(signal.SIGSTOP)
    os.utime(alive, (time.time() - 46,) * 2)
    assert (1, True) == ((done := health(worker.root)).returncode, "restart the container" in done.stderr), "46 s old"
    os.utime(alive, (time.time() + 3600,) * 2)
    assert 1 == health(worker.root).returncode, "from the future"
    alive.unlink()
    assert (1, True) == ((done := health(worker.root)).returncode, "No such file" in done.stderr), "missing"
    alive.symlink_to(tmp_path / "worker.log")
    assert (1, True) == ((done := health(worker.root)).returncode, "not written by" in done.stderr), "a link"
    worker.process.send_signal(signal.SIGCONT)
    assert worker.wait(lambda: 0 == health(worker.root).returncode), "healthy again"
