"""Containers for the tests: the hardened executor, its exchange volume, and n8n's side of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
import uuid
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

IMAGE = os.environ.get("HOMEPORT_EXECUTOR_IMAGE", "python:3.11.16-slim-bookworm")

LABEL = "homeport.test=executor"

HARDENED = [
    *("--network", "none", "--read-only", "--user", "10001:10001", "--group-add", "10002", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges", "--pids-limit", "64", "--memory", "384m", "--memory-swap", "384m"),
    *("--tmpfs", "/tmp:rw,noexec,nosuid,nodev,size=16m,mode=1777", "--ulimit", "core=0", "--ulimit", "nofile=1024"),
    *("--ipc", "private", "--cpus", "1"),
]
"""As homeport makes it; tests/unit/catalog/test_executor.py compares."""

PROBE = (
    "import json, os; print(json.dumps([int(p) for p in os.listdir('/proc') if p.isdigit() and int(p) != os.getpid()]))"
)


def docker(*argv, stdin=None, check=True):
    done = subprocess.run(["docker", *argv], input=stdin, capture_output=True, timeout=300, check=False)
    if check and done.returncode != 0:
        pytest.fail(f"docker {' '.join(argv[:3])} …: {done.stderr.decode()[-500:]}")
    return done


def wait(condition, wait_s=180):
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
    checked = ["--health-cmd", "python -I -S -B /workspace/healthcheck.py", "--health-interval", "1s"]
    command = ["python", "-B", "/workspace/worker.py"]
    flags = ["--label", LABEL, "--restart", "unless-stopped", "--stop-timeout", "35", *HARDENED, *mounts, *checked]
    docker("run", "-d", "--name", name, *flags, IMAGE, *command)
    try:
        assert wait(lambda: health(name) == "healthy"), docker("logs", name).stderr.decode()
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


def health(name):
    return docker("inspect", "-f", "{{.State.Health.Status}}", name).stdout.decode().strip()


def ask(executor, stdin):
    done = docker("exec", "-i", executor, "python", "/workspace/executor_api.py", stdin=stdin, check=False)
    return done.returncode, json.loads(done.stdout), done.stderr


def attempt(docker_argv, attempts):
    done = docker(*docker_argv, "python", "/workspace/container_driver.py", stdin=json.dumps(attempts).encode())
    return json.loads(done.stdout)


def cases():
    return {file.stem: json.loads(file.read_text()) for file in sorted((HERE / "cases" / "escape").glob("*.json"))}


def lives(executor):
    return docker("exec", executor, "python", "/workspace/healthcheck.py", check=False).returncode == 0


def result_of(executor, identity):
    path = f"/exchange/results/{identity}.json"
    return b'"ok":true' in docker("exec", executor, "cat", path, check=False).stdout


def only_the_worker(executor):
    return [1] == json.loads(docker("exec", executor, "python", "-c", PROBE).stdout)
