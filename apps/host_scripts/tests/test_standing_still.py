"""Containers that a killed run has left standing still go on, and are not forgotten before they do."""

from __future__ import annotations

import subprocess

import pytest
from host_scripts import common


@pytest.fixture
def docker(monkeypatch):
    """Answers by Docker's command: its exit code, and what it says."""
    answers = {}

    def run(argv, **_):
        code, out, error = answers.get(argv[1], (0, b"", b""))
        return subprocess.CompletedProcess(argv, code, out, error)

    monkeypatch.setattr(common, "run", run)
    return answers


@pytest.fixture
def note(tmp_path):
    path = tmp_path / "still" / "start" / "n8n"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def test_what_goes_on_is_settled(docker, note, tmp_path):
    docker["start"] = (0, b"n8n", b"")
    common.go_on(tmp_path, "start")

    assert not note.exists()


def test_where_docker_does_not_answer_it_is_tried_again_by_the_next_run(docker, note, tmp_path):
    away = (1, b"", b"Cannot connect to the Docker daemon")
    docker["start"] = docker["inspect"] = away
    common.go_on(tmp_path, "start")

    assert note.exists(), "nothing else starts it again"


@pytest.mark.parametrize(
    "inspect", [(1, b"", b"Error: No such container: n8n"), (0, b"truefalse\n", b"")], ids=["gone", "goes already"]
)
def test_what_is_gone_or_goes_already_needs_nothing(docker, note, tmp_path, inspect):
    docker["start"] = (1, b"", b"No such container: n8n")
    docker["inspect"] = inspect
    common.go_on(tmp_path, "start")

    assert not note.exists(), "it would be tried for ever"
