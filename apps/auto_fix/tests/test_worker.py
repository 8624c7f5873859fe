"""What the worker refuses before it asks the sandbox, and what it makes of one that does not begin, or of answers."""

from __future__ import annotations

import json
import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import auto_fix_http
import auto_fix_worker
import pytest
from auto_fix_git import Clone
from auto_fix_http import CallError, rest_of
from auto_fix_queue import Queue, Wish
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


class GitHub:
    """Answers every call with one status, some headers and a body; notes the paths."""

    def __init__(self):
        self.calls, self.status, self.headers, self.body, self.slow = [], 200, {}, {}, 0.0
        github = self

        class Answer(BaseHTTPRequestHandler):
            def do_GET(self):
                github.calls.append(self.path)
                time.sleep(github.slow)
                content = json.dumps(github.body).encode()
                self.send_response(github.status)
                for name, value in {**github.headers, "Content-Length": str(len(content))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def github():
    made = GitHub()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def asking(github, tmp_path):
    """A worker with two jobs whose steps begin with a call of this GitHub."""
    queue = Queue(tmp_path / "queue.db")
    for number in (1, 2):
        asked = Wish(repository="ada/shop", issue=number, title="It breaks", body="", branch="main")
        queue.deliver(str(number), str(number), asked)
    settings = SimpleNamespace(
        api=github.url, token="t", work=tmp_path / "work", pause=5, attempts=3, label="auto-fix", telegram=""
    )
    return Worker(settings, queue, lambda _: None), queue


@pytest.mark.req("FP-19")
@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 422])
def test_an_answer_that_stays_the_same_ends_the_job_and_no_redirect_is_followed(github, asking, status):
    worker, queue = asking
    github.status, github.headers = status, {"Location": f"{github.url}/elsewhere"}
    assert worker.work()
    first, second = queue.jobs()
    assert ("failed", "queued", True) == (first.state, second.state, f"HTTP {status}" in first.note)
    assert [True] == ["/repos/ada/shop/pulls" in path for path in github.calls], "asked once, and nowhere else"


@pytest.mark.req("FP-19")
@pytest.mark.parametrize(
    ("status", "header", "said"),
    [
        (429, "Retry-After", ""),
        (503, "Retry-After", ""),
        (403, "X-RateLimit-Reset", "API rate limit exceeded"),
        (403, "Retry-After", "You have exceeded a secondary rate limit"),
    ],
)
def test_whom_github_has_told_when_to_come_again_comes_no_earlier_for_any_job(github, asking, status, header, said):
    worker, queue = asking
    when = 120 if header == "Retry-After" else round(time.time()) + 120
    github.status, github.body = status, {"message": said}
    github.headers = {"X-RateLimit-Remaining": "0", header: str(when)}
    assert not worker.work()
    assert not worker.work()
    assert 1 == len(github.calls), "nor for the second job: the rate is the token's"
    assert ["queued", "queued"] == [job.state for job in queue.jobs()]
    assert 60 < worker._rests_until - time.monotonic() <= 121
    worker._rests_until -= 121
    worker.work()
    assert 2 == len(github.calls), "and then it does"


@pytest.mark.req("FP-19")
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_without_a_time_each_job_is_tried_again_at_each_look(github, asking, status):
    worker, queue = asking
    github.status = status
    for _ in range(2):
        assert not worker.work()
    assert 4 == len(github.calls)
    assert [("queued", 0)] * 2 == [(job.state, job.attempts) for job in queue.jobs()], "and no attempt is counted"


@pytest.mark.req("FP-19")
def test_a_github_that_takes_a_call_and_does_not_answer_is_given_up_after_half_a_minute(github, asking, monkeypatch):
    worker, queue = asking
    assert 30 == auto_fix_http._SECONDS
    monkeypatch.setattr(auto_fix_http, "_SECONDS", 0.2)
    github.slow = 2
    assert not worker.work()
    assert ["queued", "queued"] == [job.state for job in queue.jobs()]


@pytest.mark.parametrize(
    ("headers", "rest"),
    [
        ({}, 0),
        ({"Retry-After": "86400"}, 3600),
        ({"Retry-After": "9" * 40}, 3600),
        ({"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"}, 3600),
        ({"Retry-After": "Sat, 01 Jan 2000 00:00:00 GMT"}, 0),
        ({"Retry-After": "soon"}, 0),
        ({"Retry-After": "\u00b2"}, 0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "\u00b2"}, 0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999"}, 3600),
        ({"X-RateLimit-Remaining": "1", "X-RateLimit-Reset": "9999999999"}, 0),
    ],
)
def test_what_an_answer_asks_for_is_an_hour_at_most_and_nothing_where_it_is_no_time(headers, rest):
    assert rest == rest_of(headers)
