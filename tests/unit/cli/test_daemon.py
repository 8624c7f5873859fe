"""No Docker: one sentence, what to do, exit code 1, no traceback."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from homeport.cli import daemon
from homeport.model.errors import ToolError

ROOT = Path(__file__).resolve().parents[3]


def up(verb="up", **environ):
    kept = {key: value for key, value in os.environ.items() if key not in {"DOCKER_HOST", "HOMEPORT_NO_INSTALL"}}
    return subprocess.run(
        [sys.executable, "-m", "homeport.cli", verb],
        cwd=ROOT,
        env=kept | environ,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=300,
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


DENIED = "permission denied while trying to connect to the Docker daemon socket at unix:///var/run/docker.sock"
OLD = "Error response from daemon: client version 1.40 is too old. Minimum supported API version is 1.44"
NEW = "API version 1.41 is not supported by this client: the minimum supported API version is 1.44"


@pytest.mark.parametrize(
    ("complaint", "where", "fix"),
    [
        (DENIED, {}, "be a member of its group: sudo usermod -aG docker $USER"),
        (DENIED, {"DOCKER_HOST": "unix:///x.sock"}, "be a member of its group: sudo usermod -aG docker $USER"),
        (OLD, {}, "update the older of the two"),
        (NEW, {}, "update the older of the two"),
    ],
)
@pytest.mark.req("RW-13")
def test_a_daemon_that_does_not_serve_this_user_or_command_is_told_as_that(
    monkeypatch, tmp_path, complaint, where, fix
):
    script = tmp_path / "docker"
    script.write_text(f"#!/bin/sh\necho '{complaint}' >&2\nexit 1\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("HOMEPORT_NO_INSTALL", "1")
    with pytest.raises(ToolError, match="docker: ") as refused:
        daemon.ensure(where)
    assert f"\n  fix: {fix}" in str(refused.value), refused.value


@pytest.mark.req("RW-14")
@pytest.mark.parametrize("environ", [{"DOCKER_HOST": "unix:///nonexistent/docker.sock"}, {"PATH": "/nonexistent"}])
def test_a_preview_of_a_local_stack_without_docker_is_one_sentence(tmp_path, environ):
    done = up("preview", **environ, HOMEPORT_CACHE=str(tmp_path))
    lines = done.stderr.splitlines()

    assert done.returncode == 1, done.stderr
    assert lines[0].startswith("homeport: docker: a preview of a stack on this machine asks its Docker"), done.stderr
    assert lines[1].startswith("  fix: "), done.stderr
    assert len(lines) == 2, "no phase, no traceback: nothing was built for a look that cannot be had"


@pytest.mark.req("RW-14")
def test_a_preview_installs_and_starts_nothing(monkeypatch):
    monkeypatch.setattr(daemon, "obstacle", lambda _where: "no daemon answers")
    monkeypatch.setattr(daemon, "_install", lambda: pytest.fail("it was installed"))
    monkeypatch.setattr(daemon, "_start", lambda: pytest.fail("it was started"))
    with pytest.raises(ToolError, match="no daemon answers"):
        daemon.require()


@pytest.mark.req("RW-01")
@pytest.mark.parametrize("missing", ["docker", "dockerd"])
def test_where_only_the_command_or_only_the_daemon_is_there_both_are_installed_by_their_names(monkeypatch, missing):
    """As on Debian 13 after `apt-get install docker.io`."""
    scripts, real = [], daemon.shutil.which
    answers = iter(["this machine has no `docker` command"])
    monkeypatch.setattr(daemon, "obstacle", lambda *_: next(answers, ""))
    monkeypatch.setattr(daemon.os, "geteuid", lambda: 0)
    monkeypatch.delenv("HOMEPORT_NO_INSTALL", raising=False)
    monkeypatch.setattr(
        daemon.shutil, "which", lambda name, **_: None if name == missing else real(name) or f"/usr/bin/{name}"
    )

    def ran(argv, **given):
        scripts.append(given["input"])
        return subprocess.CompletedProcess(argv, 0, "", "")

    monkeypatch.setattr(daemon.subprocess, "run", ran)
    daemon.ensure()

    (script,) = scripts
    assert "need dockerd docker-ce,docker.io\nneed docker docker-ce-cli,docker-cli,docker.io\n" in script
