"""`manage-infisical.py` on real containers and volumes, whose names are this test's own."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid

import pytest

from catalog.redis.service import SERVICE
from tests.support.infra_tools import SCRIPTS
from tests.support.marking_docker import marking
from tests.support.readers import have
from tests.support.scratch import docker

pytestmark = pytest.mark.docker
NAMES = ("infisical-db", "infisical-redis", "infisical-backend", "bystander")


@pytest.fixture
def world(tmp_path):
    """Containers as Infisical's, each with a volume that it writes into, and one of somebody else."""
    have(SERVICE.image)
    mark = f"t{uuid.uuid4().hex[:8]}-"
    marking(tmp_path, mark, "infisical-")
    volumes = [f"{mark}{name}-data" for name in NAMES]
    try:
        for name, volume in zip(NAMES, volumes, strict=True):
            argv = ["run", "--detach", "--name", f"{mark}{name}", "--network", "none", "--stop-signal", "SIGKILL"]
            argv += ["--user", "0", "--volume", f"{volume}:/data", "--entrypoint", "sleep", SERVICE.image, "600"]
            docker(*argv)
            docker("exec", f"{mark}{name}", "sh", "-c", "mkdir -p /data/a/.b && touch /data/a/.b/c")
        yield mark, {"PATH": f"{tmp_path}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    finally:
        subprocess.run(["docker", "rm", "-fv", *(mark + name for name in NAMES)], capture_output=True, check=False)
        subprocess.run(["docker", "volume", "rm", "-f", *volumes], capture_output=True, check=False)


def run(env, *argv, typed):
    return subprocess.run(
        [sys.executable, SCRIPTS / "manage-infisical.py", *argv],
        env=env,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def there(kind, mark):
    words = ("container", "ls", "-a") if kind == "container" else ("volume", "ls")
    column = "{{.Names}}" if kind == "container" else "{{.Name}}"
    return sorted(docker(*words, "--filter", f"name={mark}", "--format", column).split())


def held(mark, name):
    """What is in a container's volume, once it runs."""
    return docker("exec", f"{mark}{name}", "find", "/data", "-mindepth", "1").split()


@pytest.mark.req("S4-40")
def test_data_is_emptied_and_then_all_of_infisical_removed_and_nothing_else(world):
    mark, env = world
    before = held(mark, "bystander")
    assert 3 == len(before)
    refused = run(env, "reset-data", typed="yes\n")
    assert (1, before) == (refused.returncode, held(mark, "infisical-db"))

    done = run(env, "reset-data", typed="empty infisical\n")
    assert (0, "") == (done.returncode, done.stderr)
    assert [before, []] == [held(mark, name) for name in ("bystander", "infisical-db")]
    assert "emptied volume infisical-db-data" in done.stdout
    running = docker("ps", "--filter", f"name={mark}", "--format", "{{.Names}}").split()
    assert sorted(mark + name for name in NAMES) == sorted(running), "and all of them run again"

    done = run(env, "reset-infra", typed="remove infisical\n")
    assert (0, "") == (done.returncode, done.stderr)
    assert [f"{mark}bystander"] == there("container", mark)
    assert [f"{mark}bystander-data"] == there("volume", mark)
    assert "nothing of Infisical" in run(env, "reset-infra", typed="").stdout
