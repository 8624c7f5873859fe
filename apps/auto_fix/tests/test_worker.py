"""What the worker refuses before it asks the sandbox, and what it makes of a sandbox that does not begin."""

from __future__ import annotations

import socket
import threading
from types import SimpleNamespace

import auto_fix_worker
import pytest
from auto_fix_git import Clone
from auto_fix_http import CallError
from auto_fix_worker import Failure, Worker

JOB = SimpleNamespace(
    id=1, branch="main", repository="ada/shop", issue=7, title="It breaks", body="", attempts=0, head="fix"
)


@pytest.fixture
def worker(tmp_path):
    settings = SimpleNamespace(
        api="", token="", work=tmp_path, git="", agent=tmp_path / "agent", seconds=10, attempts=3
    )
    queue = SimpleNamespace(start=lambda _: pytest.fail("nothing was begun"))
    return Worker(settings, queue, lambda _: None)


def test_a_repository_that_the_sandbox_would_not_take_fails_with_the_reason(worker, monkeypatch):
    clone = SimpleNamespace(take=lambda _: None, size=lambda: auto_fix_worker._MOST_FILES + 1, packed=pytest.fail)
    monkeypatch.setattr(worker, "_clone", lambda _: clone)

    with pytest.raises(Failure, match="files are larger than 500 MiB"):
        worker._mend(JOB)


def test_its_size_is_that_of_its_archive_without_gits_own(tmp_path):
    (tmp_path / "code.py").write_bytes(b"x" * 513)
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "pack").write_bytes(b"x" * 10_000)

    assert 512 + 1024 == Clone(tmp_path, "", "").size(), "a header, and two blocks"


def test_a_sandbox_that_ends_before_it_begins_is_no_attempt_and_is_asked_again_later(worker):
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(worker._settings.agent))
        listener.listen()

        def end():
            connection, _ = listener.accept()
            connection.close()

        threading.Thread(target=end, daemon=True).start()
        with pytest.raises(CallError, match="the sandbox ended before it began"):
            worker._asked(JOB, b"x" * 50_000_000)
