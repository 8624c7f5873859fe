"""The program in its hardened container: what can't be done there."""

from __future__ import annotations

import json
import uuid
from functools import partial

import pytest
from executor_containers import (
    HARDENED,
    HERE,
    IMAGE,
    LABEL,
    ask,
    attempt,
    cases,
    docker,
    lives,
    only_the_worker,
    result_of,
    wait,
)

pytestmark = pytest.mark.docker


@pytest.mark.req("S3-15", "S3-16", "S3-17", "S3-24", "I-02", "I-03", "I-04")
def test_no_attempt_to_get_out_succeeds(executor):
    attempts = {name: case["attempt"] for name, case in cases().items() if not case.get("profile")}
    verdicts = attempt(["exec", "-i", executor], attempts)
    print(f"\n{sum(v.startswith('blocked') for v in verdicts.values())} of {len(attempts)} attempts blocked")

    assert len(attempts) >= 60, "the list has its length"
    assert {} == {name: verdict for name, verdict in verdicts.items() if not verdict.startswith("blocked")}, (
        "0 may succeed"
    )


@pytest.mark.req("S3-24", "I-02", "I-03", "I-04")
def test_with_our_system_call_filter_no_attempt_succeeds_and_the_program_still_works(mounts):
    filtered = ["--security-opt", f"seccomp={HERE.parent / 'seccomp.json'}", "--label", LABEL, *HARDENED, *mounts[2:]]
    attempts = {name: case["attempt"] for name, case in cases().items()}
    verdicts = attempt(["run", "--rm", "-i", *filtered, IMAGE], attempts)
    print(f"\n{sum(v.startswith('blocked') for v in verdicts.values())} of {len(attempts)} attempts blocked")

    assert {} == {name: verdict for name, verdict in verdicts.items() if not verdict.startswith("blocked")}, (
        "0 may succeed"
    )
    worker = f"homeport-test-executor-{uuid.uuid4().hex[:8]}"
    root = ["--tmpfs", "/exchange:mode=2770,uid=10001,gid=10002"]
    docker("run", "-d", "--name", worker, *filtered, *root, IMAGE, "python", "-B", "/workspace/worker.py")
    try:
        assert wait(partial(lives, worker)), docker("logs", worker).stdout.decode()
        program = (
            'open(\'/exchange/requests/f.json\', \'w\').write(\'{"id":"f","task":{"type":"text_stats","text":"a b"}}\')'
        )
        docker("exec", worker, "python", "-c", program)
        assert wait(partial(result_of, worker, "f")), "the worker forks, limits and answers under the filter"
        assert 0 == ask(worker, b'{"type":"ping"}')[0], "so does a direct call"
    finally:
        docker("rm", "-f", worker)


@pytest.mark.req("S3-24", "I-02", "I-03", "I-04")
def test_the_attempts_do_succeed_where_nothing_is_hardened(mounts):
    attempts = {name: case["attempt"] for name, case in cases().items() if case["control"]}
    name = f"homeport-test-executor-{uuid.uuid4().hex[:8]}"
    caps = [flag for cap in ("SYS_ADMIN", "NET_ADMIN") for flag in ("--cap-add", cap)]
    loose = [
        "--security-opt",
        "seccomp=unconfined",
        "--security-opt",
        "apparmor=unconfined",
        "-e",
        "SECRET=x",
        "--label",
        LABEL,
    ]
    # Addresses of its own: Docker would give it a pool that another test has a use for.
    docker("network", "create", "--internal", "--label", LABEL, "--subnet", "198.19.254.0/24", name)
    try:
        verdicts = attempt(["run", "--rm", "-i", "--network", name, *caps, *loose, *mounts, IMAGE], attempts)
    finally:
        docker("network", "rm", name)

    assert {} == {name: verdict for name, verdict in verdicts.items() if verdict != "succeeded"}, (
        "the control: a real attempt"
    )


@pytest.mark.req("I-05", "I-08")
def test_bombs_go_off_inside_their_limits_leave_nothing_and_the_next_task_passes(executor):
    bombs = {
        "fork": "while True: os.fork()",
        "threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()",
        "daemon": "os.fork() or (os.setsid(), os.fork())",
        "memory": "x = [bytearray(1 << 24) for _ in range(1 << 10)]",
        "tmp": "[open(f'/tmp/{n}', 'wb').write(bytes(200000)) for n in range(1000)]",
        "shm": "[open(f'/dev/shm/{n}', 'wb').write(bytes(200000)) for n in range(1000)]",
        "sleep": "import time; time.sleep(99)",
        "stop": "import signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "spin": "while True: pass",
    }
    host = """
import json, os, sys; sys.path.insert(0, "/workspace")
from executor_limits import Limits, run
code = sys.stdin.read()
files = lambda: {os.path.join(folder, name) for folder in ("/tmp", "/dev/shm") for name in os.listdir(folder)}
before = files()
out = run([sys.executable, "-I", "-S", "-B", "-c", "import os\\n" + code], b"", Limits(wall_s=2, cpu_s=1))
print(json.dumps([out.status, out.duration_ms, sorted(files() - before)]))
"""
    for name, code in bombs.items():
        done = docker("exec", "-i", executor, "python", "-c", host, stdin=code.encode())
        status, took_ms, left = json.loads(done.stdout)
        assert 0 != status, f"{name} must not come to a good end"
        assert took_ms < 10_000, f"{name} ended by its limit of two seconds, took {took_ms} ms"
        assert [] == left, f"{name} left a file"
        # The health check's own process may be seen; what a bomb leaves would stay.
        assert wait(partial(only_the_worker, executor)), f"{name} left a process"
        assert 0 == ask(executor, b'{"type":"ping"}')[0], f"the task after {name} passes"
