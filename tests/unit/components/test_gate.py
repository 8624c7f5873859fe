"""The gate on a Docker that cannot limit anything: rootless, without cgroups."""

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "components" / "scripts" / "gate.sh"
DOCKER = """#!/bin/sh
case "$1 $3" in
  "update "*) [ -z "$REFUSAL" ] || { echo "$REFUSAL" >&2; exit 1; } ;;
  "info "*) echo "$DRIVER" ;;
  *State.Status*) echo "running healthy 0" ;;
  *Healthcheck*) echo 0 ;;
esac
"""
NO_CGROUP = "runc did not terminate successfully: cannot set pids limit: container could not join or create cgroup"


@pytest.fixture
def gate(tmp_path):
    docker = tmp_path / "docker"
    docker.write_text(DOCKER)
    docker.chmod(0o755)

    def run(refusal, driver):
        environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REFUSAL": refusal, "DRIVER": driver}
        return subprocess.run(
            ["sh", str(SCRIPT), "redis", "64", "1"], env=environ, input="", capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.req("RW-04")
def test_a_rootless_docker_without_cgroups_passes_and_is_named(gate):
    done = gate(NO_CGROUP, "none")

    assert done.returncode == 0, done.stderr
    assert "note: this Docker has no cgroups and limits nothing" in done.stderr, "a limit that is not there is said"


@pytest.mark.parametrize(("refusal", "driver"), [(NO_CGROUP, "systemd"), ("some other reason", "none")])
def test_a_limit_that_could_be_set_is_never_gone_without(gate, refusal, driver):
    done = gate(refusal, driver)

    assert done.returncode == 1, done.stdout
    assert "limit of 64 processes could not be set" in done.stderr, done.stderr


def test_a_limit_that_is_set_needs_no_note(gate):
    done = gate("", "systemd")
    assert (0, "") == (done.returncode, done.stderr), done.stderr


@pytest.mark.parametrize(
    ("state", "says"), [("restarting none 4", "keeps restarting (4 times"), ("running starting 0", "within 1 s")]
)
def test_a_container_that_keeps_restarting_is_said_to_do_that_and_no_empty_heading_follows(gate, tmp_path, state, says):
    docker = tmp_path / "docker"
    docker.write_text(docker.read_text().replace("running healthy 0", state))
    done = gate("", "systemd")

    assert 1 == done.returncode
    assert says in done.stderr, done.stderr
    assert "Its last probe:" not in done.stderr, "there was none"


def test_what_has_times_of_its_own_is_through_once_it_runs_however_its_last_run_ended(tmp_path):
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.replace("running healthy 0", "running unhealthy 0"))
    docker.chmod(0o755)
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}

    def code(*more):
        argv = ["sh", str(SCRIPT), "nightly", "64", "1", *more]
        return subprocess.run(argv, env=environ, input="", capture_output=True, check=False).returncode

    assert (0, 1) == (code("runs"), code()), "a run that fails between start and gate is no failed update"
