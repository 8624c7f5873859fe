"""The spool worker as a process on a real folder."""

from __future__ import annotations

import json
import os
import socket
import stat
import time

import pytest

PING = {"type": "ping", "message": "test"}


def names(folder):
    return sorted(entry.name for entry in folder.iterdir())


@pytest.mark.req("S3-22", "S3-23", "FP-09")
def test_a_request_becomes_a_result_and_is_removed(start_worker):
    worker = start_worker()
    file = worker.request("a1", PING)
    result = worker.result("a1")
    duration = result.pop("duration_ms")
    expected = {"id": "a1", "exit_code": 0, "ok": True, "type": "ping", "result": {"message": "test"}}

    assert expected == result, "the executor's answer with id and exit_code"
    assert 0 <= duration < 60_000, "milliseconds"
    assert not file.exists(), "the request is gone before the result is there"
    info = (worker.root / "results" / "a1.json").stat()
    assert 0o640 == stat.S_IMODE(info.st_mode), "the group may read the result"


def test_every_kind_of_request_gets_its_answer(spool_case, build, start_worker):
    worker = start_worker()
    identity = spool_case.get("id", "case")
    (worker.root / "requests" / f"{identity}.json").write_bytes(build(spool_case["request"]))
    result = worker.result(identity)

    assert (identity, spool_case["exit_code"]) == (result["id"], result["exit_code"]), spool_case["because"]
    assert spool_case.get("code") == result.get("error", {}).get("code"), spool_case["because"]
    assert spool_case.get("says", "") in result.get("error", {}).get("message", ""), spool_case["because"]


@pytest.mark.req("FP-09")
def test_a_request_that_is_renamed_in_is_answered(start_worker):
    worker = start_worker()
    whole = worker.root / "whole"
    whole.write_text(json.dumps({"id": "at-once", "task": PING}))
    whole.rename(worker.root / "requests" / "at-once.json")

    assert {"message": "test"} == worker.result("at-once")["result"]


@pytest.mark.req("S3-22", "FP-09")
def test_a_request_written_in_pieces_is_read_when_it_is_whole(start_worker):
    worker = start_worker()
    file = worker.root / "requests" / "slow.json"
    with file.open("wb", buffering=0) as output:
        for piece in (b"", b'{"id":"slow","ta', b'sk":{"type":"pi', b'ng","message":"\xc3', b'\xa4"}', b"}"):
            output.write(piece)
            time.sleep(0.2)
    result = worker.result("slow")

    assert {"message": "\u00e4"} == result["result"], "no half-written request is answered"
    assert 1 == len(worker.events("start")), "and it is done once"


def test_a_request_that_stays_half_written_is_answered_invalid_json(start_worker):
    worker = start_worker()
    began = time.monotonic()
    (worker.root / "requests" / "half.json").write_text('{"id":"half","task":')
    result = worker.result("half")

    assert "invalid_json" == result["error"]["code"], "answered all the same"
    assert 1.9 <= time.monotonic() - began, "after two seconds without a change"


@pytest.mark.req("FP-09", "I-03")
def test_what_is_no_plain_request_is_left_alone(start_worker, tmp_path, monkeypatch):
    worker = start_worker()
    outside = tmp_path / "outside.json"
    outside.write_text(json.dumps({"id": "link", "task": PING}))
    folder = worker.root / "requests"
    (folder / "link.json").symlink_to(outside)
    (folder / "loop.json").symlink_to("loop.json")
    os.mkfifo(folder / "pipe.json")
    os.link(outside, folder / "hard.json")
    (folder / "folder.json").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        monkeypatch.chdir(folder)
        listener.bind("socket.json")
    if os.geteuid() == 0:
        os.mknod(folder / "device.json", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    for name in ("plain.txt", ".hidden.json", "-rf.json", "a b.json", "x" * 65 + ".json", "upper.JSON", "n\nl.json"):
        (folder / name).write_text(json.dumps({"id": "x", "task": PING}))
    before = names(folder)
    worker.request("good", PING)
    worker.result("good")
    time.sleep(0.5)

    assert ["good.json"] == (names(worker.root / "results")), "only the real request was answered"
    assert before == (names(folder)), "nothing foreign was touched"
    assert worker.process.poll() is None, "and the worker lives"


@pytest.mark.req("FP-09")
def test_old_requests_are_ignored(start_worker):
    worker = start_worker()
    file = worker.root / "requests" / "old.json"
    temporary = worker.root / "old.tmp"
    temporary.write_text(json.dumps({"id": "old", "task": PING}))
    os.utime(temporary, (time.time() - 3700,) * 2)
    temporary.rename(file)
    worker.request("new", PING)
    worker.result("new")
    time.sleep(0.3)

    assert [True, False] == [file.exists(), (worker.root / "results" / "old.json").exists()], (
        "nobody waits for it any more"
    )


@pytest.mark.req("I-09")
@pytest.mark.parametrize("fetched", [False, True], ids=["result still there", "result fetched"])
def test_the_same_id_again_gives_no_second_result(fetched, start_worker):
    worker = start_worker()
    worker.request("twice", PING)
    worker.result("twice")
    file = worker.root / "results" / "twice.json"
    if fetched:
        file.unlink()
    written = None if fetched else file.stat().st_mtime_ns
    again = worker.request("twice", {"type": "ping", "message": "another"})

    assert worker.wait(lambda: not again.exists()), "the replay is removed"
    time.sleep(0.2)
    assert written == (file.stat().st_mtime_ns if file.exists() else None), "and changes nothing"
    assert (1, 1) == (len(worker.events("start")), len(worker.events("replay"))), "done once, logged as a replay"


@pytest.mark.req("I-03")
@pytest.mark.parametrize("kind", ["symlink", "dangling", "hardlink", "fifo", "file"])
def test_a_result_never_goes_through_what_was_planted_under_its_name(kind, start_worker, tmp_path):
    worker = start_worker()
    victim = tmp_path / "victim"
    victim.write_text("untouched")
    name = worker.root / "results" / "p.json"
    plant = {
        "symlink": lambda: name.symlink_to(victim),
        "dangling": lambda: name.symlink_to(tmp_path / "new"),
        "hardlink": lambda: os.link(victim, name),
        "fifo": lambda: os.mkfifo(name),
        "file": lambda: name.write_text("forged"),
    }
    plant[kind]()
    worker.request("p", PING)

    assert worker.wait(
        lambda: name.is_file() and not name.is_symlink() and name.read_bytes().startswith(b'{"id":"p"')
    ), "replaced"
    assert ("untouched", False) == (victim.read_text(), (tmp_path / "new").exists()), "what it pointed to is untouched"


def test_a_folder_planted_as_a_result_stops_nobody_else(start_worker):
    worker = start_worker()
    blocked = worker.root / "results" / "b.json"
    (blocked / "x").mkdir(parents=True)
    worker.request("b", PING)
    worker.request("c", PING)

    assert worker.result("c")["ok"], "others are served"
    assert worker.wait(lambda: worker.events("delayed")), "the obstacle is logged"


def test_a_planted_alive_link_is_replaced(start_worker, tmp_path):
    victim = tmp_path / "victim"
    victim.write_text("")
    os.utime(victim, (0, 0))
    (tmp_path / "exchange").mkdir()
    (tmp_path / "exchange" / ".alive").symlink_to(victim)
    worker = start_worker(ready=False)

    assert worker.wait(lambda: (worker.root / ".alive").is_file() and not (worker.root / ".alive").is_symlink()), (
        "replaced"
    )
    assert 0 == victim.stat().st_mtime, "and not followed"
