"""The queue's file after a disk has given back other bytes than it was given."""

from __future__ import annotations

import os
import random
import sqlite3

import pytest
from auto_fix_queue import Queue, Wish

SEED = int(os.environ.get("HOMEPORT_SEED") or 20261130)
PLACES = 100


def wish(number, body="It breaks"):
    return Wish(repository="owner/platform", issue=number, title=f"Issue {number}", body=body, branch="main")


@pytest.fixture
def full(tmp_path):
    """A queue's file with forty jobs of all kinds, and its jobs."""
    chance = random.Random(SEED)  # noqa: S311  # texts, no keys
    queue = Queue(tmp_path / "full.db")
    for number in range(1, 41):
        body = "".join(chance.choices("abcdefgh \n", k=chance.randrange(3000)))
        queue.deliver(f"delivery-{number}", f"{number:064x}", wish(number, body))
    first, second, third, *_ = queue.waiting()
    queue.become(first, "done", pull=3)
    queue.become(second, "patched", patch=chance.randbytes(5000))
    queue.start(third)
    return tmp_path / "full.db", queue.jobs()


def spoilt(content, places):
    changed = bytearray(content)
    for place, bit in places:
        changed[place] ^= bit
    return bytes(changed)


def kept(path, jobs, told):
    """How many of the jobs a queue of this file still has; what else it finds has failed, and it has said so."""
    before, queue = path.read_bytes(), Queue(path)
    found = queue.jobs()
    lost = [job for job in found if job not in jobs]
    for job in lost:
        assert ("failed", "the queue's file was damaged here") == (job.state, job.note), "never another job than it was"
    said = told.readouterr().out
    if lost or len(found) < len(jobs):
        assert "the queue was damaged" in said, "and nothing is lost in silence"
    if said:
        [aside] = path.parent.glob("*.damaged-*")
        assert before == aside.read_bytes(), "for whoever wants to look into it"
        aside.unlink()
    number = queue.deliver("another", "f" * 64, wish(99))
    assert number == max([job.id for job in found], default=0) + 1, "no number is given out twice"
    return len(found) - len(lost)


@pytest.mark.req("FP-19")
def test_a_byte_that_was_damaged_is_found_or_was_nobodys_and_the_rest_goes_on(full, tmp_path, capsys):
    content, jobs = full[0].read_bytes(), full[1]
    chance = random.Random(SEED)  # noqa: S311  # places, no keys
    path, counts = tmp_path / "queue.db", []
    for _ in range(PLACES):
        path.write_bytes(spoilt(content, [(chance.randrange(len(content)), chance.randrange(1, 256))]))
        counts.append(kept(path, jobs, capsys))
    assert sum(counts) >= 0.85 * len(jobs) * PLACES, f"seed {SEED}: {counts}"
    assert sorted(counts)[PLACES // 10] >= len(jobs) - 3, f"seed {SEED}: nine times of ten three are lost at most"


@pytest.mark.req("FP-19")
def test_a_hundred_damaged_bytes_at_once_change_no_job(full, tmp_path, capsys):
    content, jobs = full[0].read_bytes(), full[1]
    chance = random.Random(SEED)  # noqa: S311  # the same
    places = [(chance.randrange(len(content)), chance.randrange(1, 256)) for _ in range(PLACES)]
    (tmp_path / "queue.db").write_bytes(spoilt(content, places))
    kept(tmp_path / "queue.db", jobs, capsys)


@pytest.mark.req("FP-19")
@pytest.mark.parametrize("part", ["the first half", "no header", "other content"])
def test_a_file_that_is_none_is_set_aside(full, tmp_path, capsys, part):
    content, jobs = full[0].read_bytes(), full[1]
    (tmp_path / "queue.db").write_bytes(
        {"the first half": content[: len(content) // 2], "no header": content[100:], "other content": b"x" * 5000}[part]
    )
    kept(tmp_path / "queue.db", jobs, capsys)


@pytest.mark.req("FP-19")
def test_a_job_that_was_changed_while_it_is_served_is_not_worked_on(full):
    path, jobs = full
    queue, job = Queue(path), jobs[5]
    content = path.read_bytes()
    at = content.index(job.body.encode()[-40:])
    path.write_bytes(spoilt(content, [(at, 1)]))
    with pytest.raises(sqlite3.DatabaseError, match="job 6 does not fit its seal"):
        queue.waiting()
    with pytest.raises(sqlite3.DatabaseError, match="job 6 does not fit its seal"):
        queue.become(job, "patched", patch=b"x")
    assert [job.id for job in Queue(path).waiting()] == [job.id for job in jobs if job.state != "done" and job.id != 6]


@pytest.mark.req("FP-19")
def test_an_untouched_file_stays_where_it_is(full, tmp_path, capsys):
    path, jobs = full
    before = path.stat().st_ino
    assert jobs == Queue(path).jobs()
    assert (before, "") == (path.stat().st_ino, capsys.readouterr().out)
    assert [] == [*tmp_path.glob("*.damaged-*")]


@pytest.mark.req("FP-19")
def test_a_delivery_of_before_the_damage_is_known_after_it(full, capsys):
    path, jobs = full
    content = path.read_bytes()
    path.write_bytes(spoilt(content, [(content.index(jobs[5].body.encode()[-40:]), 1)]))
    queue = Queue(path)
    assert "of 40 jobs 1 are lost" in capsys.readouterr().out
    assert queue.deliver("delivery-7", "0" * 64, wish(7)) is None, "by its id"
    assert queue.deliver("another", f"{8:064x}", wish(8)) is None, "and by what was signed"
