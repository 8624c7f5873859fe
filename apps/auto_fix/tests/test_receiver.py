"""The webhook: who is believed, what is accepted, and what comes twice."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
import json
import os
import random
import resource
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import auto_fix_receiver
import pytest
from auto_fix_queue import Queue
from auto_fix_receiver import MOST_BYTES, PATH, NoWishError, signed, wish
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


BODY = json.dumps(event()).encode()
STANDARD = hmac.new(SIGNS.encode(), b"msg_1.1764500000." + BODY, hashlib.sha256).digest()
VECTORS = {
    "as GitHub signs it": (202, BODY, {}),
    "by another secret": (401, BODY, {"X_Hub_Signature_256": sign(BODY, SIGNS + ".")}),
    "a byte altered": (401, BODY.replace(b"It breaks", b"It brakes"), {"X_Hub_Signature_256": sign(BODY)}),
    "whitespace altered": (401, json.dumps(event(), indent=1).encode(), {"X_Hub_Signature_256": sign(BODY)}),
    "a line end more": (401, BODY + b"\n", {"X_Hub_Signature_256": sign(BODY)}),
    "a byte less": (401, BODY[:-1], {"X_Hub_Signature_256": sign(BODY)}),
    "a signature of nothing": (401, BODY, {"X_Hub_Signature_256": sign(b"")}),
    "SHA-1, which GitHub sends too": (
        401,
        BODY,
        {"X_Hub_Signature_256": f"sha1={hmac.new(SIGNS.encode(), BODY, 'sha1').hexdigest()}"},
    ),
    "SHA-512": (401, BODY, {"X_Hub_Signature_256": f"sha512={hmac.new(SIGNS.encode(), BODY, 'sha512').hexdigest()}"}),
    "a version that is none": (401, BODY, {"X_Hub_Signature_256": sign(BODY).replace("sha256=", "v1,")}),
    "in capitals": (401, BODY, {"X_Hub_Signature_256": "sha256=" + sign(BODY)[7:].upper()}),
    "two in one": (401, BODY, {"X_Hub_Signature_256": f"{sign(BODY, 'the secret before')}, {sign(BODY)}"}),
    "the header of SHA-1 alone": (
        401,
        BODY,
        {
            "X_Hub_Signature_256": None,
            "X_Hub_Signature": f"sha1={hmac.new(SIGNS.encode(), BODY, 'sha1').hexdigest()}",
        },
    ),
    "as Standard Webhooks sign it": (
        401,
        BODY,
        {
            "X_Hub_Signature_256": None,
            "webhook_id": "msg_1",
            "webhook_timestamp": "1764500000",
            "webhook_signature": f"v1,{base64.b64encode(STANDARD).decode()}",
        },
    ),
}


@pytest.mark.req("S5-84")
@pytest.mark.parametrize("name", VECTORS)
def test_a_signature_holds_for_the_very_bytes_by_one_secret_and_in_one_form_alone(receiver, name):
    verdict, body, headers = VECTORS[name]
    assert verdict == receiver.deliver(None, body=body, **headers)[0]
    assert (verdict == 202) == bool(receiver.queue.jobs())


@pytest.mark.req("FP-19")
def test_a_delivery_replayed_a_thousand_times_has_one_effect_also_eight_at_once(receiver):
    def replay(number):
        # The id is the attacker's to choose: no signature covers it.
        return receiver.deliver(event(), delivery=f"replay-{number if number % 2 else 'same'}")[0]

    with ThreadPoolExecutor(8) as pool:
        answers = [*pool.map(replay, range(1000))]
    assert (1, 999) == (answers.count(202), answers.count(200))
    assert [7] == [job.issue for job in receiver.queue.jobs()]


@pytest.mark.req("FP-19")
def test_what_is_signed_has_no_time_so_a_delivery_is_known_however_old_it_is(receiver, tmp_path):
    assert 202 == receiver.deliver(event(), delivery="old")[0]
    receiver.queue.become(receiver.queue.waiting()[0], "failed", note="so that only the delivery stands in the way")
    with closing(sqlite3.connect(tmp_path / "queue.db")) as data, data:
        data.execute("UPDATE deliveries SET at = at - 10 * 365 * 86400")
    receiver.close()
    receiver.begin()
    assert "known" == receiver.deliver(event(), delivery="another")[1]["status"]


@pytest.mark.req("S5-84", "FP-19")
def test_after_a_rotation_the_secret_before_is_worth_nothing_and_what_it_signed_meanwhile_can_come_again(
    receiver, tmp_path
):
    early, late, following = event(), event(issue={"number": 8}), "the next secret of this webhook"
    assert 202 == receiver.deliver(early)[0]
    receiver.close()
    (tmp_path / "secret").write_text(following)
    receiver.begin()
    before, now = (sign(json.dumps(late).encode(), secret) for secret in (SIGNS, following))
    for wrong in (before, f"{before},{now}"):
        assert 401 == receiver.deliver(late, delivery="meanwhile", X_Hub_Signature_256=wrong)[0]
    assert 202 == receiver.deliver(late, delivery="meanwhile", X_Hub_Signature_256=now)[0], "as Redeliver does"
    again = sign(json.dumps(early).encode(), following)
    assert "known" == receiver.deliver(early, X_Hub_Signature_256=again)[1]["status"], "signed anew, and the same"


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


ODD = (None, [], {}, "x", -1, 2**63, 2**70, True, 1.5, "\ud800", {"name": []}, ["auto-fix"], [[]], "7", "main\n")


def poisoned(chance, payload):
    """A payload of which parts are something else."""
    changed = copy.deepcopy(payload)
    for _ in range(chance.randrange(1, 4)):
        place, keys = changed, []
        while isinstance(place, dict) and place and (not keys or chance.random() < 0.7):
            keys.append((place, chance.choice([*place])))
            place = place[keys[-1][1]]
        if keys:
            keys[-1][0][keys[-1][1]] = chance.choice(ODD)
    return changed


@pytest.mark.req("FP-19")
def test_of_a_thousand_poisoned_events_each_is_a_job_that_can_be_kept_or_nothing(receiver):
    chance, jobs = random.Random(SEED), 0  # noqa: S311  # changes, no keys
    for number in range(1000):
        payload = poisoned(chance, event(action=chance.choice(("labeled", "opened")), issue={"number": number + 1}))
        try:
            asked = wish(receiver.server.settings, "issues", payload)
        except NoWishError:
            continue
        receiver.queue.deliver(f"poison-{number}", str(number), asked)
        jobs += 1
    assert jobs >= 10, f"seed {SEED}: some are none that matters, so the measure can fail"
    assert len(receiver.queue.jobs()) <= jobs


@pytest.mark.req("FP-19")
@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"label": "auto-fix"}, 200),
        ({"action": ["labeled"]}, 200),
        ({"issue": {"author_association": []}, "action": "opened"}, 200),
        ({"issue": {"number": 2**63}}, 200),
        ({"issue": {"title": "half of \ud83d", "body": "\udc00"}}, 202),
    ],
)
def test_what_github_never_sends_is_answered_too(receiver, change, verdict):
    assert verdict == receiver.deliver(event(**change))[0]


@pytest.mark.req("FP-19")
@pytest.mark.parametrize("length", [MOST_BYTES + 1, 5 * 1024**3, 10**30])
def test_too_large_a_body_is_refused_before_it_comes(receiver, length):
    began = time.monotonic()
    assert 413 == receiver.call("POST", PATH, b"", {"Content-Length": str(length), "X-Hub-Signature-256": sign(b"")})[0]
    assert time.monotonic() - began < 60, "nobody waits for it"


def drip(receiver, first, seconds=60):
    """What comes back to who sends a byte now and then, until the connection ends."""
    with socket.create_connection(("127.0.0.1", receiver.server.server_port), timeout=0.05) as line:
        line.sendall(first)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                line.sendall(b"a")
                if not (answer := line.recv(100)):
                    return b""
            except TimeoutError:
                continue
            except ConnectionError:
                return b""
            return answer
    raise AssertionError("it holds its place for as long as it likes")


@pytest.mark.req("FP-19")
def test_who_sends_slowly_is_gone_in_time_and_holds_no_place(receiver, monkeypatch):
    monkeypatch.setattr(auto_fix_receiver, "_SECONDS", 1)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: {sign(b'')}\r\n"
    with ThreadPoolExecutor(16) as pool:
        slow = [pool.submit(drip, receiver, f"{head}Content-Length: 1000\r\n\r\n".encode()) for _ in range(8)]
        slow += [pool.submit(drip, receiver, f"{head}X-More: ".encode()) for _ in range(8)]
        answers = [one.result()[9:12] for one in slow]
    # Where a byte was under way, the end of the connection may overtake the answer.
    assert {*answers[:8]} <= {b"", b"408"}, "a body that does not come whole is none"
    assert {*answers[8:]} <= {b"", b"411"}, "nor is a head"
    assert 202 == receiver.deliver(event())[0]


@pytest.mark.req("FP-19")
def test_five_thousand_connections_at_once_are_let_go_and_a_delivery_passes_while_they_stay(receiver, monkeypatch):
    monkeypatch.setattr(auto_fix_receiver, "_SECONDS", 1)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, hard), hard))
    came, threads, process_request = set(), [], receiver.server.process_request

    def counted(request, address):
        came.add(address)
        threads.append(threading.active_count())
        process_request(request, address)

    monkeypatch.setattr(receiver.server, "process_request", counted)
    try:
        with ExitStack() as held:
            for _ in range(50):
                # As many as the kernel keeps waiting: it forgets what is more, and does not say so.
                lines = [held.enter_context(socket.socket()) for _ in range(100)]
                for line in lines:
                    line.settimeout(120)
                    line.connect(("127.0.0.1", receiver.server.server_port))
                end = time.monotonic() + 60
                while not {line.getsockname() for line in lines} <= came:
                    assert time.monotonic() < end, "they are not even let in"
                    time.sleep(0.001)
            assert 5000 == len(came)
            passes(receiver, 202)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert max(threads) <= 2 * 16 + 8, "no more threads than there are places, and their clocks"


def passes(receiver, verdict):
    """A delivery gets its answer soon: whoever says nothing keeps his place for a moment."""
    end, status = time.monotonic() + 60, None
    while status != verdict:
        assert time.monotonic() < end, f"{status}: those that say nothing keep their places"
        try:
            status = receiver.deliver(event())[0]
        except OSError as error:
            status = error


@pytest.mark.req("FP-19")
def test_a_disk_that_takes_no_more_is_said_and_the_delivery_can_come_again(receiver):
    receiver.close()
    env = {"PATH": os.environ["PATH"], **receiver.env}
    argv = [sys.executable, "-E", "-s", "-B", str(APP / "auto_fix.py"), "receive"]
    large = event(issue={"number": 8, "body": "x" * 60000})
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, text=True) as process, ExitStack() as end:
        end.callback(process.kill)
        receiver.server.server_port = int(process.stdout.readline().rsplit(None, 1)[1])
        assert 202 == receiver.deliver(event(), delivery="before")[0]
        size = Path(receiver.env["QUEUE"]).stat().st_size
        usual = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        status, said = receiver.deliver(large, delivery="meanwhile")
        assert (503, True) == (status, "deliver it again" in said["error"]), said
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, usual)
        assert 202 == receiver.deliver(large, delivery="meanwhile")[0]
    receiver.begin()
    assert [7, 8] == [job.issue for job in receiver.queue.jobs()], "what was there before is there"
