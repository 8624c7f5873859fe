"""The program in its hardened container: what it does there, and what it can't do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

pytestmark = pytest.mark.docker

HERE = Path(__file__).resolve().parent
IMAGE = os.environ.get("HOMEPORT_EXECUTOR_IMAGE", "python:3.11-slim-bookworm")
LABEL = "homeport.test=executor"
HARDENED = [
    *("--network", "none", "--read-only", "--user", "10001:10001", "--group-add", "10002", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--pids-limit", "64", "--memory", "384m", "--memory-swap", "384m"),
    *(
        "--cpus",
        "1",
        "--tmpfs",
        "/tmp:rw,noexec,nosuid,nodev,size=16m,mode=1777",
        "--ulimit",
        "core=0",
        "--ipc",
        "none",
    ),
]
PROBE = (
    "import json, os; print(json.dumps([int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]))"
)


def docker(*argv, stdin=None, check=True):
    done = subprocess.run(["docker", *argv], input=stdin, capture_output=True, timeout=300, check=False)
    if check and done.returncode != 0:
        pytest.fail(f"docker {' '.join(argv[:3])} …: {done.stderr.decode()[-500:]}")
    return done


def wait(condition, wait_s=30):
    deadline = time.monotonic() + wait_s
    while not (found := condition()) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


@pytest.fixture(scope="module")
def mounts(tmp_path_factory):
    """The code as plain files, and an exchange volume as the deployer prepares it."""
    if shutil.which("docker") is None or docker("image", "inspect", IMAGE, check=False).returncode != 0:
        pytest.fail(f"image {IMAGE} is missing, so nothing is proved here: build or pull it first")
    code = tmp_path_factory.mktemp("workspace")
    for file in [*HERE.parent.glob("*.py"), HERE / "container_driver.py"]:
        shutil.copy(file, code)
        (code / file.name).chmod(0o644)
    code.chmod(0o755)
    code.parent.chmod(0o755)
    volume = f"homeport-test-executor-{uuid.uuid4().hex[:8]}"
    docker("volume", "create", "--label", LABEL, volume)
    prepare = "import os; os.chown('/exchange', 0, 10002); os.chmod('/exchange', 0o2770)"
    docker(
        "run",
        "--rm",
        "--label",
        LABEL,
        "--network",
        "none",
        "-v",
        f"{volume}:/exchange",
        IMAGE,
        "python",
        "-c",
        prepare,
    )
    yield ["-v", f"{volume}:/exchange", "-v", f"{code}:/workspace:ro"]
    docker("volume", "rm", "-f", volume)


@pytest.fixture(scope="module")
def executor(mounts):
    """The running container's name."""
    name = f"homeport-test-executor-{uuid.uuid4().hex[:8]}"
    health = ["--health-cmd", "python -I -S -B /workspace/healthcheck.py", "--health-interval", "1s"]
    command = ["python", "-B", "/workspace/worker.py"]
    flags = ["--label", LABEL, "--restart", "unless-stopped", "--stop-timeout", "35", *HARDENED, *mounts, *health]
    docker("run", "-d", "--name", name, *flags, IMAGE, *command)
    try:
        assert wait(lambda: _health(name) == "healthy"), docker("logs", name).stderr.decode()
        yield name
    finally:
        docker("rm", "-f", name)


@pytest.fixture
def as_n8n(mounts):
    """Run Python as n8n's user and group on the same volume, with its usual umask."""

    def run(program):
        user = ["--user", "1000:1000", "--group-add", "10002", "--network", "none", "--label", LABEL]
        return docker(
            "run", "--rm", *user, *mounts[:2], IMAGE, "python", "-c", f"import os; os.umask(0o022)\n{program}"
        ).stdout

    return run


def _cases():
    return {file.stem: json.loads(file.read_text()) for file in sorted((HERE / "cases" / "escape").glob("*.json"))}


def _lives(executor):
    return docker("exec", executor, "python", "/workspace/healthcheck.py", check=False).returncode == 0


def _result_of(executor, identity):
    path = f"/exchange/results/{identity}.json"
    return b'"ok":true' in docker("exec", executor, "cat", path, check=False).stdout


def _only_the_worker(executor):
    return [1] == json.loads(docker("exec", executor, "python", "-c", PROBE).stdout)


def _health(name):
    return docker("inspect", "-f", "{{.State.Health.Status}}", name).stdout.decode().strip()


def _ask(executor, stdin):
    done = docker("exec", "-i", executor, "python", "/workspace/executor_api.py", stdin=stdin, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


@pytest.mark.req("S3-15", "S3-18", "S3-19")
def test_the_line_of_the_readme_is_answered(executor):
    status, answer, stderr = _ask(executor, b'{"type":"ping","message":"test"}\n')
    duration = answer.pop("duration_ms")

    assert (0, {"ok": True, "type": "ping", "result": {"message": "test"}}, b"") == (status, answer, stderr), (
        "FP-09's answer"
    )
    assert 0 <= duration < 5000, "milliseconds"


@pytest.mark.req("S3-20", "S3-21")
def test_refusals_have_their_codes_and_exit_status_in_the_container(executor):
    inputs = [b"{", b"[]", b'{"type":"rm"}', b"x" * 65_537, b'{"type":"embed_local","text":"ok"}']
    expected = [(2, "invalid_json"), (2, "invalid_input"), (2, "not_allowed"), (2, "too_large"), (0, None)]
    answers = [_ask(executor, stdin) for stdin in inputs]

    assert expected == [(status, answer.get("error", {}).get("code")) for status, answer, _ in answers], (
        "distinct answers"
    )


@pytest.mark.req("S3-22")
@pytest.mark.usefixtures("executor")
def test_n8n_hands_in_a_request_and_fetches_the_result(as_n8n):
    program = """
import json, time
path = "/exchange/requests/n8n-1.json"
with open(path, "w") as file:
    file.write('{"id":"n8n-1","task":{"type":"hash",'); file.flush(); time.sleep(0.5); file.write('"text":"abc"}}')
result = "/exchange/results/n8n-1.json"
for _ in range(100):
    if os.path.exists(result): break
    time.sleep(0.1)
answer = json.load(open(result))
os.unlink(result)
print(json.dumps([answer["result"]["digest"][:8], os.path.exists(path), os.listdir("/exchange/results"), os.stat("/exchange/results").st_gid]))
"""

    assert ["ba7816bf", False, [], 10002] == json.loads(as_n8n(program)), (
        "SHA-256 of abc; request gone, result read and deleted"
    )


@pytest.mark.req("S3-22")
@pytest.mark.usefixtures("executor")
def test_a_request_that_only_its_writer_may_read_is_answered_with_what_to_change(as_n8n):
    program = """
import time
os.umask(0o077)
open("/exchange/requests/private.json", "w").write('{"id":"private","task":{"type":"ping"}}')
for _ in range(100):
    if os.path.exists("/exchange/results/private.json"): break
    time.sleep(0.1)
print(open("/exchange/results/private.json").read())
"""
    answer = json.loads(as_n8n(program))

    assert (2, "invalid_input") == (answer["exit_code"], answer["error"]["code"]), answer
    assert "readable for the group" in answer["error"]["message"], answer


@pytest.mark.req("S3-17", "S3-22")
@pytest.mark.usefixtures("executor")
def test_the_other_side_reaches_nothing_of_the_worker_but_requests_and_results(as_n8n):
    program = """
def refused(action, *args):
    try: action(*args)
    except OSError: return True
    return False
print([refused(os.listdir, "/exchange/.work"), refused(os.utime, "/exchange/.alive"), refused(open, "/exchange/.alive", "a")])
"""

    assert b"[True, True, True]\n" == as_n8n(program), "no look into .work, no faked sign of life"


@pytest.mark.req("S3-15", "S3-16", "S3-17", "S3-24")
def test_no_attempt_to_get_out_succeeds(executor):
    attempts = {name: case["attempt"] for name, case in _cases().items() if not case.get("profile")}
    verdicts = _attempt(["exec", "-i", executor], attempts)
    print(f"\n{sum(v.startswith('blocked') for v in verdicts.values())} of {len(attempts)} attempts blocked")

    assert len(attempts) >= 60, "the list has its length"
    assert {} == {name: verdict for name, verdict in verdicts.items() if not verdict.startswith("blocked")}, (
        "0 may succeed"
    )


@pytest.mark.req("S3-24")
def test_with_our_system_call_filter_no_attempt_succeeds_and_the_program_still_works(mounts):
    filtered = ["--security-opt", f"seccomp={HERE.parent / 'seccomp.json'}", "--label", LABEL, *HARDENED, *mounts[2:]]
    attempts = {name: case["attempt"] for name, case in _cases().items()}
    verdicts = _attempt(["run", "--rm", "-i", *filtered, IMAGE], attempts)
    print(f"\n{sum(v.startswith('blocked') for v in verdicts.values())} of {len(attempts)} attempts blocked")

    assert {} == {name: verdict for name, verdict in verdicts.items() if not verdict.startswith("blocked")}, (
        "0 may succeed"
    )
    worker = f"homeport-test-executor-{uuid.uuid4().hex[:8]}"
    root = ["--tmpfs", "/exchange:mode=2770,uid=10001,gid=10002"]
    docker("run", "-d", "--name", worker, *filtered, *root, IMAGE, "python", "-B", "/workspace/worker.py")
    try:
        assert wait(partial(_lives, worker)), docker("logs", worker).stdout.decode()
        program = (
            'open(\'/exchange/requests/f.json\', \'w\').write(\'{"id":"f","task":{"type":"text_stats","text":"a b"}}\')'
        )
        docker("exec", worker, "python", "-c", program)
        assert wait(partial(_result_of, worker, "f")), "the worker forks, limits and answers under the filter"
        assert 0 == _ask(worker, b'{"type":"ping"}')[0], "so does a direct call"
    finally:
        docker("rm", "-f", worker)


@pytest.mark.req("S3-24")
def test_the_attempts_do_succeed_where_nothing_is_hardened(mounts):
    attempts = {name: case["attempt"] for name, case in _cases().items() if case["control"]}
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
    docker("network", "create", "--internal", "--label", LABEL, name)
    try:
        verdicts = _attempt(["run", "--rm", "-i", "--network", name, *caps, *loose, *mounts, IMAGE], attempts)
    finally:
        docker("network", "rm", name)

    assert {} == {name: verdict for name, verdict in verdicts.items() if verdict != "succeeded"}, (
        "the control: a real attempt"
    )


def _attempt(docker_argv, attempts):
    done = docker(*docker_argv, "python", "/workspace/container_driver.py", stdin=json.dumps(attempts).encode())
    return json.loads(done.stdout)


def test_bombs_go_off_inside_their_limits_and_the_next_task_passes(executor):
    bombs = {
        "fork": "while True: os.fork()",
        "threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(99,)).start()",
        "daemon": "os.fork() or (os.setsid(), os.fork())",
        "memory": "x = [bytearray(1 << 24) for _ in range(1 << 10)]",
        "tmp": "[open(f'/tmp/{n}', 'wb').write(bytes(200000)) for n in range(1000)]",
        "sleep": "import time; time.sleep(99)",
        "stop": "import signal; os.kill(os.getpid(), signal.SIGSTOP)",
        "spin": "while True: pass",
    }
    host = """
import json, os, sys; sys.path.insert(0, "/workspace")
from executor_limits import Limits, run
code = sys.stdin.read()
out = run([sys.executable, "-I", "-S", "-B", "-c", "import os\\n" + code], b"", Limits(wall_s=2, cpu_s=1))
left = [f for f in os.listdir("/tmp")]
for name in left: os.unlink("/tmp/" + name)
print(json.dumps([out.status, out.duration_ms]))
"""
    for name, code in bombs.items():
        status, took_ms = json.loads(docker("exec", "-i", executor, "python", "-c", host, stdin=code.encode()).stdout)
        assert 0 != status, f"{name} must not come to a good end"
        assert took_ms < 3500, f"{name} ended within its limit and one second, took {took_ms} ms"
        # The health check's own process may be seen; what a bomb leaves would stay.
        assert wait(partial(_only_the_worker, executor), 5), f"{name} left a process"
        assert 0 == _ask(executor, b'{"type":"ping"}')[0], f"the task after {name} passes"


@pytest.mark.req("S3-23")
def test_a_killed_worker_comes_back_and_answers_what_was_waiting(executor, as_n8n):
    def pid():
        return docker("inspect", "-f", "{{.State.Running}} {{.State.Pid}}", executor).stdout.decode().split()

    before = pid()
    os.kill(int(before[1]), 9)

    assert wait(lambda: pid()[0] == "true" and pid() != before), "the restart policy starts it again"
    answer = as_n8n("""
import time
open("/exchange/requests/after.json", "w").write('{"id":"after","task":{"type":"ping"}}')
for _ in range(100):
    if os.path.exists("/exchange/results/after.json"): break
    time.sleep(0.1)
print(open("/exchange/results/after.json").read())
""")

    assert json.loads(answer)["ok"], "dispatch works again"
    assert 0 == _ask(executor, b'{"type":"ping"}')[0], "and docker exec"
    assert wait(lambda: _health(executor) == "healthy"), "and the health check"


@pytest.mark.req("S3-23")
def test_the_first_process_collects_what_others_leave(executor):
    orphan = "import os\nif os.fork() == 0:\n    if os.fork() == 0: os._exit(0)\n    os._exit(0)\nos._exit(0)"
    for _ in range(5):
        docker("exec", executor, "python", "-c", orphan)
    zombies = "import os; print(sum('State:\\tZ' in open(f'/proc/{p}/status').read() for p in os.listdir('/proc') if p.isdigit()))"

    assert wait(lambda: b"0\n" == docker("exec", executor, "python", "-c", zombies).stdout, 5), "no zombie stays"


@pytest.mark.req("S3-23")
def test_docker_stop_ends_it_with_status_0(executor):
    began = time.monotonic()
    docker("stop", executor)
    took = time.monotonic() - began

    assert b"0" == docker("inspect", "-f", "{{.State.ExitCode}}", executor).stdout.strip(), "SIGTERM, not SIGKILL"
    assert took < 20, f"idle, so at once; took {took:.1f} s"
    with suppress(Exception):
        docker("start", executor)
