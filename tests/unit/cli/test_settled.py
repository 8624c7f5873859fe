"""What a finished update left, so that the next one sees in a second that there is nothing to do."""

from __future__ import annotations

import hashlib
import json
import subprocess

import pytest

from homeport.cli import settled

STATE = {"checkpoint": {"latest": {"resources": [{"type": "x"}]}}}


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("HOMEPORT_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE_FILE", raising=False)
    monkeypatch.delenv("PULUMI_CONFIG_PASSPHRASE", raising=False)


@pytest.fixture
def checkout(tmp_path):
    for name in ("__main__.py", "Pulumi.dev.yaml", "catalog/a.conf", "catalog/__pycache__/a.pyc"):
        path = tmp_path / "checkout" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    return tmp_path / "checkout"


@pytest.mark.parametrize("name", ["__main__.py", "Pulumi.dev.yaml", "catalog/a.conf", "catalog/new"])
def test_whatever_the_program_reads_changes_the_digest(checkout, name):
    before = settled.inputs("dev", checkout)
    (checkout / name).write_text("y")

    assert before != settled.inputs("dev", checkout), "an update may have something to do"


@pytest.mark.parametrize(
    ("name", "same"), [("catalog/new", False), ("catalog/a.conf", False), ("Pulumi.dev.yaml", True)]
)
def test_what_is_noted_with_an_update_tells_the_program_by_its_content_and_no_stacks_settings(checkout, name, same):
    before = settled.message(checkout)
    (checkout / "__main__.py").write_text("x")
    assert before == settled.message(checkout), "written anew, as by another checkout"
    (checkout / name).write_text("y")

    assert same is (before == settled.message(checkout))


def test_what_tools_leave_in_one_of_two_clones_makes_no_other_program_of_it(checkout):
    subprocess.run(["git", "init", "--quiet", str(checkout)], check=True)
    (checkout / ".gitignore").write_text(".pytest_cache/\n__pycache__/\n")
    before = settled.message(checkout)
    left = checkout / "catalog/.pytest_cache/v"
    left.parent.mkdir()
    left.write_text("x")
    assert before == settled.message(checkout), "git does not tell of it"
    (checkout / "catalog/new").write_text("x")

    assert before != settled.message(checkout), "nobody has committed it, and the program reads it"


def test_what_python_compiles_and_other_stacks_change_nothing(checkout):
    before = settled.inputs("dev", checkout)
    (checkout / "catalog/__pycache__/a.pyc").write_text("other")
    (checkout / "Pulumi.prod.yaml").write_text("other")

    assert before == settled.inputs("dev", checkout)


@pytest.mark.parametrize("name", ["HOMEPORT_NO_INSTALL", "DOCKER_HOST", "PULUMI_CONFIG_PASSPHRASE"])
def test_a_variable_that_decides_something_changes_the_digest(checkout, monkeypatch, name):
    before = settled.inputs("dev", checkout)
    monkeypatch.setenv(name, "other")

    assert before != settled.inputs("dev", checkout)


def test_what_was_written_is_read_for_this_user_alone():
    last = settled.Settled(inputs="a", seconds={"n8n": 7}, delivered={"v": {"p": "d"}})
    settled.write("dev", last)

    assert last == settled.read("dev")
    assert 0o600 == settled.path("dev").stat().st_mode & 0o777
    assert settled.Settled() == settled.read("other"), "a stack that was never up"


def test_a_record_of_another_version_counts_as_none():
    settled.write("dev", settled.Settled())
    settled.path("dev").write_text('{"unknown": 1}')

    assert settled.Settled() == settled.read("dev")


def test_an_update_that_begins_keeps_only_what_was_measured():
    settled.write("dev", settled.Settled(inputs="a", seconds={"n8n": 7}))
    settled.unsettle("dev")

    assert settled.Settled(seconds={"n8n": 7}) == settled.read("dev")


def test_a_state_that_is_another_by_now_counts_as_none(tmp_path):
    file = tmp_path / "stacks" / "homeport" / "dev.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps(STATE))
    last = settled.Settled(state=str(file), digest=hashlib.sha256(file.read_bytes()).hexdigest())

    assert [{"type": "x"}] == last.resources()
    lock = tmp_path / "locks" / "organization" / "homeport" / "dev" / "1.json"
    lock.parent.mkdir(parents=True)
    lock.write_text("{}")
    assert last.resources() is None, "somebody else is at it, or was killed"
    lock.unlink()
    file.write_text(json.dumps(STATE) + " ")
    assert last.resources() is None, "somebody else has changed the stack"


def test_without_a_passphrase_nothing_is_kept(tmp_path):
    assert settled.digester() is None
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "passphrase").write_text("a passphrase")
    digest = settled.digester()

    assert digest is not None
    assert hashlib.sha256(b"short").hexdigest() != digest(b"short"), "a short secret cannot be guessed from it"
