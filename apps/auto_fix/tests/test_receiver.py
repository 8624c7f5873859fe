"""The webhook: who is believed, what is accepted, and what comes twice."""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys

import pytest
from auto_fix_queue import Queue
from auto_fix_receiver import MOST_BYTES, PATH, signed
from auto_fix_settings import SettingsError
from auto_fix_settings import receiver as settings

from .conftest import APP, SIGNS, event, sign

SEED = int(os.environ.get("HOMEPORT_SEED") or 20261129)


def test_the_signature_is_the_one_that_githubs_documentation_gives():
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert signed(SIGNS.encode(), b"Hello, World!", f"sha256={digest}")


def mutated(rng, body, signature):
    """A body and a signature of which one is wrong."""
    place, at = rng.randrange(len(body)), rng.randrange(7, len(signature))
    other = rng.choice([digit for digit in "0123456789abcdef" if digit != signature[at]])
    return rng.choice(
        (
            (body[:place] + bytes([body[place] ^ 1 << rng.randrange(8)]) + body[place + 1 :], signature),
            (body[:place] + body[place + 1 :], signature),
            (body + rng.randbytes(1 + rng.randrange(4)), signature),
            (body, signature[:at] + other + signature[at + 1 :]),
            (body, signature[:at]),
            (body, sign(body, rng.randbytes(rng.randrange(1, 40)).hex())),
            (body, rng.choice(("", "sha256=", signature[7:], f"sha1={signature[7:]}", signature + "0", "sha256=é"))),
            (body, rng.choice((signature.upper(), f"sha512={signature[7:]}", f"{signature},{signature}", "\x7f" * 71))),
        )
    )


@pytest.mark.req("S5-84")
def test_of_a_thousand_wrong_signatures_none_is_accepted_and_nothing_starts(receiver):
    rng, answers = random.Random(SEED), {}  # noqa: S311  # changes, no keys
    for number in range(1000):
        right = json.dumps(event(issue={"number": number + 1})).encode()
        body, signature = mutated(rng, right, sign(right))
        status, _ = receiver.deliver(None, body=body, X_Hub_Signature_256=signature.encode("latin-1"))
        answers[status] = answers.get(status, 0) + 1
    assert {401: 1000} == answers, f"seed {SEED}"
    assert [] == receiver.queue.jobs(), "nothing was started"
    assert 401 == receiver.deliver(event(), X_Hub_Signature_256=None)[0], "nor without a signature"
    assert 202 == receiver.deliver(event())[0], "and the right one is taken: the measure can fail"


@pytest.mark.req("S5-84")
def test_the_signature_comes_before_everything_else(receiver):
    wrong = {"X_Hub_Signature_256": "sha256=" + "0" * 64}
    assert 401 == receiver.deliver(None, body=b"{no json", **wrong)[0]
    assert 401 == receiver.deliver(event(), kind="ping", **wrong)[0]
    assert 401 == receiver.deliver(event(), Content_Type="text/plain", **wrong)[0]
    assert 401 == receiver.call("POST", "/elsewhere", b"{}")[0], (
        "who has no secret does not learn which paths there are"
    )
    assert 404 == receiver.call("POST", "/elsewhere", b"{}", {"X-Hub-Signature-256": sign(b"{}")})[0]
    with socket.create_connection(("127.0.0.1", receiver.server.server_port), timeout=120) as line:
        body = json.dumps(event()).encode()
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
        twice = f"X-Hub-Signature-256: {sign(body)}\r\nX-Hub-Signature-256: sha256=00\r\n\r\n"
        line.sendall((head + twice).encode() + body)
        assert b" 401 " in line.recv(100), "two signatures are none"


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("no_label", {"issue": {"labels": [{"name": "bug"}]}}),
        ("another_label_was_put_on", {"label": {"name": "bug"}}),
        ("another_action", {"action": "edited"}),
        ("another_repository", {"repository": {"full_name": "owner/other"}}),
        ("archived", {"repository": {"archived": True}}),
        ("closed", {"issue": {"state": "closed"}}),
        ("a_pull_request", {"issue": {"pull_request": {"url": "https://example.com"}}}),
        ("a_stranger_by_a_template", {"action": "opened"}),
        ("a_stranger_labels_by_a_template", {"sender": {"login": "reporter"}}),
        ("a_number_that_is_none", {"issue": {"number": "7; reboot"}}),
        ("a_branch_that_is_an_option", {"repository": {"default_branch": "--upload-pack=reboot"}}),
        ("labels_that_are_none", {"issue": {"labels": "auto-fix"}}),
        ("no_sender", {"sender": None}),
    ],
)
@pytest.mark.req("S5-84", "FP-19")
def test_what_asks_for_nothing_is_ignored(receiver, name, change):
    status, body = receiver.deliver(event(**change))
    assert (200, "ignored") == (status, body["status"]), name
    assert [] == receiver.queue.jobs()


def test_the_archived_reference_is_read_only_even_where_it_is_listed(receiver):
    receiver.close()
    receiver.env["REPOSITORIES"] += " owner/archived"
    receiver.begin()
    listed = {"full_name": "owner/archived", "archived": True}
    assert "ignored" == receiver.deliver(event(repository=listed))[1]["status"]
    assert [] == receiver.queue.jobs()


@pytest.mark.req("FP-19")
def test_a_labelled_issue_is_queued_whoever_wrote_it_and_an_own_one_when_it_is_opened(receiver):
    assert (202, {"status": "queued", "job": 1}) == receiver.deliver(event())
    mine = {"number": 8, "author_association": "MEMBER"}
    assert 202 == receiver.deliver(event(action="opened", issue=mine))[0]
    again = receiver.deliver(event(issue=mine, sender={"login": "reporter"}))
    assert (200, "ignored") == (again[0], again[1]["status"]), "GitHub tells of both, and one job is enough"
    assert 202 == receiver.deliver(event(repository={"full_name": "owner/second"}))[0], "the same number elsewhere"
    jobs = [(job.repository, job.issue, job.state) for job in receiver.queue.jobs()]
    assert [("owner/platform", 7, "queued"), ("owner/platform", 8, "queued"), ("owner/second", 7, "queued")] == jobs


@pytest.mark.req("FP-19")
def test_a_delivery_that_comes_again_does_nothing_also_after_a_restart_and_under_another_id(receiver):
    assert 202 == receiver.deliver(event(), delivery="the-first")[0]
    receiver.queue.become(receiver.queue.waiting()[0], "failed", note="so that only the delivery stands in the way")
    assert (200, {"status": "known", "delivery": "the-first"}) == receiver.deliver(event(), delivery="the-first")
    receiver.close()
    receiver.begin()
    assert "known" == receiver.deliver(event(), delivery="the-first")[1]["status"], "after a restart"
    assert "known" == receiver.deliver(event(), delivery="another")[1]["status"], "no signature covers the id"
    assert 1 == len(receiver.queue.jobs())
    fresh = event(issue={"updated_at": "2026-01-01T00:00:01Z"})
    assert 202 == receiver.deliver(fresh)[0], "the label put on again, after a failure"


@pytest.mark.req("FP-19")
def test_ping_and_what_cannot_be_read(receiver):
    assert (200, {"status": "pong"}) == receiver.deliver({"zen": "x"}, kind="ping")
    assert 415 == receiver.deliver(event(), Content_Type="application/x-www-form-urlencoded")[0]
    assert 400 == receiver.deliver(None, body=b"[" * 100000)[0], "as deep as it likes"
    assert 400 == receiver.deliver(event(), X_GitHub_Delivery="../x")[0]
    assert "ignored" == receiver.deliver([1])[1]["status"], "no object"
    assert 413 == receiver.call("POST", PATH, b"", {"Content-Length": str(MOST_BYTES + 1)})[0]
    assert 411 == receiver.call("POST", PATH, b"", {"Content-Length": "-1"})[0]
    assert 411 == receiver.call("POST", PATH, b"2\r\n{}\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"})[0]
    assert (200, "ok") == (receiver.call("GET", "/health")[0], receiver.call("GET", "/health")[1]["status"])


@pytest.mark.req("FP-19")
def test_a_killed_receiver_has_every_job_that_it_has_answered(receiver, tmp_path):
    receiver.close()
    env = {"PATH": os.environ["PATH"], **receiver.env}
    argv = [sys.executable, "-E", "-s", "-B", str(APP / "auto_fix.py"), "receive"]
    answered = []
    for number in range(1, 4):
        with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as process:
            receiver.server.server_port = int(process.stdout.readline().rsplit(None, 1)[1])
            assert 202 == receiver.deliver(event(issue={"number": number}), delivery=f"kill-{number}")[0]
            answered.append(number)
            process.kill()
    receiver.begin()
    assert answered == [job.issue for job in receiver.queue.jobs()]
    assert "known" == receiver.deliver(event(issue={"number": 1}), delivery="kill-1")[1]["status"]
    assert SIGNS not in (tmp_path / "queue.db").read_bytes().decode("latin-1")


@pytest.mark.req("FP-19")
def test_the_queue_is_one_of_the_group_whoever_makes_it(tmp_path):
    usual = os.umask(0o007)
    try:
        Queue(tmp_path / "queue.db")
    finally:
        os.umask(usual)
    assert 0o660 == (tmp_path / "queue.db").stat().st_mode & 0o777, "receiver and worker are users of their own"


@pytest.mark.parametrize(
    ("name", "value", "word"),
    [
        ("WEBHOOK_SECRET_FILE", "", "WEBHOOK_SECRET_FILE"),
        ("REPOSITORIES", "", "REPOSITORIES"),
        ("REPOSITORIES", "owner/a;b", "owner/a;b"),
        ("PORT", "x", "PORT"),
    ],
)
def test_wrong_settings_are_named(receiver, name, value, word):
    with pytest.raises(SettingsError, match=word):
        settings({**receiver.env, name: value})


@pytest.mark.req("S5-84")
def test_without_a_secret_or_with_a_short_one_it_does_not_start(receiver, tmp_path):
    (tmp_path / "secret").write_text("short")
    with pytest.raises(SettingsError, match="shorter than 16"):
        settings(receiver.env)
