"""The file of settings: what is refused before anything listens, and in which words."""

from __future__ import annotations

import os
import subprocess
import sys

import host_agent_settings
import pytest
from host_agent_settings import SettingsError

from apps.host_agent.tests.conftest import APP, TOKEN, write

NAME = "HOST_AGENT_BEARER_TOKEN"


def serve(file):
    argv = [sys.executable, "-E", "-s", "-B", str(APP / "host_agent.py"), "serve", str(file)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=30)


@pytest.mark.req("FP-01", "H-04")
@pytest.mark.parametrize(
    ("token", "why"),
    [
        ("", "is empty"),
        ("short", "fewer than 32 characters"),
        (TOKEN[:31], "fewer than 32 characters"),
        ("your-secure-token", "fewer than 32 characters"),
        ("your-secure-token-your-secure-token", "never filled in"),
        ("change-me-8f1d6c0b5a2e47938b7ad4c1", "never filled in"),
        ("a" * 64, "can be guessed"),
        ("abcdefgh" * 8, "can be guessed"),
        ("'8f1d6c0b5a2e47938b7ad4c1e0f5 2a96'", "no header takes"),
    ],
)
def test_a_token_that_is_empty_short_or_a_placeholder_is_refused_by_its_name_and_never_shown(tmp_path, token, why):
    done = serve(write(tmp_path / ".env", f"{NAME}={token}\n", 0o600))

    assert 1 == done.returncode, "nothing listens with such a token"
    assert NAME in done.stderr and why in done.stderr, done.stderr
    assert "\n  fix: " in done.stderr, "the way out is named"
    assert not token or token not in done.stderr + done.stdout or token in NAME, "the value itself is not shown"


@pytest.mark.req("H-04")
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o602, 0o666, 0o700])
def test_a_file_that_others_may_read_or_write_is_refused(tmp_path, mode):
    file = write(tmp_path / ".env", f"{NAME}={TOKEN}\n", mode)
    done = serve(file)

    assert 1 == done.returncode, f"a file of mode {mode:o} is believed"
    assert f"fix: chmod 600 {file}" in done.stderr, done.stderr


@pytest.mark.req("H-04")
def test_a_link_a_folder_nothing_and_somebody_else_s_file_are_refused(tmp_path):
    real = write(tmp_path / "real", f"{NAME}={TOKEN}\n", 0o600)
    (tmp_path / "link").symlink_to(real)
    for path in (tmp_path / "link", tmp_path, tmp_path / "nothing"):
        done = serve(path)
        assert (1, True) == (done.returncode, "\n  fix: " in done.stderr), f"{path}: {done.stderr}"
    if os.geteuid() == 0:
        os.chown(real, 12345, 12345)
        assert "belongs to somebody else than its folder" in serve(real).stderr


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("HOST=localhost", "HOST is no address"),
        ("PORT=0", "PORT is no whole number"),
        ("PORT=65536", "PORT is no whole number"),
        ("PORT=\uff190", "PORT is no whole number"),
        ("TASK_TIMEOUT=4000", "TASK_TIMEOUT is no whole number"),
        ("REPO_DIR=platform", "REPO_DIR is no absolute path"),
        ("REPO_DIR=/srv/../etc", "REPO_DIR is no absolute path"),
        ("BACKUP_SCRIPT=$REPO_DIR/x", "is no NAME=value"),
        ("BACKUP_SCRIPT=`id`", "is no NAME=value"),
        ("export PORT=1", "is no NAME=value"),
        ("GIT_PROTOCOLS=ext", "GIT_PROTOCOLS is a list"),
    ],
)
def test_a_wrong_line_is_refused_by_the_variable_s_name(tmp_path, line, word):
    file = write(tmp_path / ".env", f"{NAME}={TOKEN}\n{line}\n", 0o600)

    with pytest.raises(SettingsError, match=word):
        host_agent_settings.read(file)


@pytest.mark.req("S1-45", "FP-01")
def test_the_example_is_refused_for_its_token_alone_and_has_every_variable():
    text = (APP / ".env.example").read_text()
    known = host_agent_settings.variables(
        text.replace("#REPO", "REPO").replace("#BACK", "BACK").replace("#TASK", "TASK"), "x"
    )

    assert {
        "HOST": "0.0.0.0",
        "PORT": "9000",
        NAME: "your-secure-token",
        "REPO_DIR": "/srv/platform",
        "BACKUP_SCRIPT": "/srv/platform/backup-n8n-workflows.sh",
        "TASK_TIMEOUT": "300",
        "TASKS_FILE": "/srv/platform/host-agent/tasks.json",
        "GIT_PROTOCOLS": "https,ssh",
    } == known
    with pytest.raises(SettingsError, match=NAME):
        host_agent_settings.settings(known, APP / ".env")
    settings = host_agent_settings.settings(known | {NAME: TOKEN}, APP / ".env")
    assert ("0.0.0.0", 9000, 300) == (settings.host, settings.port, settings.task_timeout)
    assert TOKEN not in repr(settings), "a settings object in a log shows no token"


@pytest.mark.req("FP-01")
def test_what_is_not_said_has_the_contract_s_defaults(tmp_path):
    settings = host_agent_settings.settings({NAME: TOKEN}, tmp_path / "platform" / "host-agent" / ".env")

    assert ("0.0.0.0", 9000, 300, ("https", "ssh")) == (
        settings.host,
        settings.port,
        settings.task_timeout,
        settings.protocols,
    )
    assert tmp_path / "platform" == settings.repo, "the checkout is the folder that the agent's own is in"
    assert settings.repo / "backup-n8n-workflows.sh" == settings.backup_script
    assert settings.repo / "host-agent" / "tasks.json" == settings.tasks_file
