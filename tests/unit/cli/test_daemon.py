"""No Docker: one sentence, what to do, exit code 1, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def up(**environ):
    kept = {key: value for key, value in os.environ.items() if key not in {"DOCKER_HOST", "HOMEPORT_NO_INSTALL"}}
    return subprocess.run(
        [sys.executable, "-m", "homeport.cli", "up"],
        cwd=ROOT,
        env=kept | environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("environ", "sentence", "fix"),
    [
        ({"PATH": "/nonexistent"}, "this machine has no `docker` command", "install"),
        (
            {"DOCKER_HOST": "unix:///nonexistent/docker.sock"},
            "no daemon answers",
            "docker -H unix:///nonexistent/docker.sock version",
        ),
    ],
)
def test_without_docker_up_ends_with_a_sentence(tmp_path, environ, sentence, fix):
    if "DOCKER_HOST" in environ and not any(
        Path(folder, "docker").exists() for folder in os.environ["PATH"].split(":")
    ):
        pytest.skip("this machine has no docker command to ask")
    done = up(**environ, HOMEPORT_CACHE=str(tmp_path), HOMEPORT_NO_INSTALL="1")

    assert 1 == done.returncode, done.stderr
    assert sentence in done.stderr, done.stderr
    assert "fix: " in done.stderr, done.stderr
    assert fix.lower() in done.stderr.lower(), done.stderr
    assert "Traceback" not in done.stderr, "a user is told, not shown our insides"


def test_a_stack_that_is_not_there_ends_with_a_sentence():
    done = subprocess.run(
        [sys.executable, "-m", "homeport.cli", "up", "--stack", "nope"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert 1 == done.returncode, done.stderr
    assert "Pulumi.nope.yaml: there is no such stack" in done.stderr, done.stderr
