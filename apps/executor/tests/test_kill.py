"""The worker killed at any moment: every request is answered, none twice."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from functools import partial

import pytest

KILLS = int(
    os.environ.get("HOMEPORT_EXECUTOR_KILLS") or {"whole": 200}.get(os.environ.get("HOMEPORT_CAMPAIGN", ""), 12)
)
"""In the platform's own tests a sample of the campaign, in `make test-long` the whole."""


@pytest.mark.campaign
@pytest.mark.req("S3-23", "I-09")
def test_killed_at_random_moments_every_request_has_exactly_one_result(start_worker):
    """The consumer fetches and deletes at once, so a second publication of an id could not hide behind the first."""
    seed = random.SystemRandom().randrange(2**32)
    chance = random.Random(seed)  # noqa: S311  # moments, no keys
    fetched: dict[str, list[dict]] = {}
    worker = start_worker()
    asked = 0

    def fetch():
        for file in (worker.root / "results").iterdir():
            fetched.setdefault(file.stem, []).append(json.loads(file.read_bytes()))
            file.unlink()

    for _ in range(KILLS):
        for _ in range(3):
            worker.request(f"k{asked}", {"type": "echo", "value": asked})
            asked += 1
        until = time.monotonic() + chance.uniform(0.0, 0.3)
        while time.monotonic() < until:
            fetch()
            time.sleep(0.002)
        worker.process.send_signal(signal.SIGKILL)
        worker.process.wait()
        worker = start_worker(root=worker.root, ready=False)
        begun = len(worker.events("ready"))
        back = partial(_is_back, worker, begun, fetch)
        assert worker.wait(back), "it comes back every time"
    _drain(worker, fetch)
    for number in range(asked):
        worker.request(f"k{number}", {"type": "echo", "value": "again"})
    _drain(worker, fetch)
    answers = {name: [_gist(answer) for answer in found] for name, found in fetched.items()}
    print(
        f"\n{asked} requests, {KILLS} kills, {sum(['parked'] == gist for gist in answers.values())} parked, seed {seed}"
    )

    assert asked == len(answers), f"seed {seed}: {asked} requests over {KILLS} kills, {len(answers)} answered"
    wrong = {name: gist for name, gist in answers.items() if gist not in ([int(name[1:])], ["parked"])}
    assert {} == wrong, f"seed {seed}: each id has one result: its own, or parked after it was hit three times"


def _is_back(worker, begun, fetch):
    fetch()
    return len(worker.events("ready")) > begun


def _drain(worker, fetch):
    assert worker.wait(lambda: fetch() or not any((worker.root / "requests").iterdir()), 300), "all requests are taken"
    time.sleep(0.3)
    fetch()


def _gist(answer):
    return answer["result"]["value"] if answer["ok"] else answer["error"]["message"].partition(":")[0]


@pytest.mark.req("I-09")
@pytest.mark.parametrize("moment", ["tmp", "out", "done", "dropped"])
def test_killed_between_two_steps_of_an_answer_it_is_published_once(moment, start_worker, workspace, mutate):
    """One copy of the worker dies at each step of ``finish``, another one takes over."""
    steps = {
        "tmp": r'^        os\.rename\(f"\{identity\}\.tmp".*$',
        "out": r'^        work = self\._open\["\.work"\]\n'
        r"(?=        with suppress\(FileNotFoundError\):\n            os\.rename)",
        "done": r"^        self\.drop\(identity\)\n(?=        # A rename)",
        "dropped": r"^        # A rename replaces.*$",
    }
    death = "        os.kill(os.getpid(), 9)\n"
    mutate(workspace / "executor_spool.py", steps[moment], death)
    mortal = start_worker(workspace)
    mortal.request("once", {"type": "ping"})

    assert -9 == mortal.process.wait(180), f"the copy dies before {moment}"
    assert [] == list((mortal.root / "results").iterdir()), "nothing was published before"
    worker = start_worker(root=mortal.root)
    result = worker.result("once")
    (worker.root / "results" / "once.json").unlink()
    time.sleep(0.5)

    assert (True, []) == (result["ok"], list((worker.root / "results").iterdir())), "published by the next one, once"
    assert not (worker.root / "requests" / "once.json").exists(), "and the request is gone"
    assert moment == "tmp" or [] == worker.events("start")[1:], "what was held is not done again"


@pytest.mark.req("I-09")
def test_a_request_that_ends_the_worker_three_times_is_parked(start_worker, workspace, mutate):
    mutate(
        workspace / "worker.py", r"^        return executor_api\.dispatch\(task\)$", "        os.kill(os.getpid(), 9)"
    )
    root = None
    for _ in range(3):
        worker = start_worker(workspace, root)
        root = worker.root
        if not (root / "requests" / "poison.json").exists():
            worker.request("poison", {"type": "ping"})

        assert -9 == worker.process.wait(180), "it takes the worker with it"
    worker = start_worker(workspace, root)
    result = worker.result("poison")

    assert (4, "internal") == (result["exit_code"], result["error"]["code"]), "answered without a fourth try"
    assert "parked" in result["error"]["message"], result


def test_the_task_of_a_killed_worker_ends_on_its_own(start_worker, workspace, mutate, processes_of):
    slow = "import time\n\n\ndef main() -> int:\n    time.sleep(600)"
    mutate(workspace / "run_task.py", r"^def main\(\) -> int:$", slow)
    mutate(workspace / "executor_limits.py", r"wall_s: float = 30\.0", "wall_s: float = 3.0")
    worker = start_worker(workspace)
    worker.request("slow", {"type": "ping"})
    assert worker.wait(lambda: len(processes_of(workspace)) == 2), "the task runs"
    worker.process.kill()
    worker.process.wait()
    end = time.monotonic() + 180
    while processes_of(workspace) and time.monotonic() < end:
        time.sleep(0.02)

    assert [] == processes_of(workspace), "its own timer ends it one second after its limit of three, not after 600"
