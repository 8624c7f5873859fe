"""The spool's own defences, each without the look at the folder that comes before it.

Names change between two system calls.
"""

from __future__ import annotations

import os
import stat
import time

import pytest
from executor_json import INPUT_LIMIT
from executor_spool import BATCH, Spool


@pytest.fixture
def spool(tmp_path):
    (tmp_path / "exchange").mkdir()
    return Spool(tmp_path / "exchange")


@pytest.fixture
def requests(tmp_path):
    return tmp_path / "exchange" / "requests"


PLANTS = {
    "symlink": lambda name, outside: name.symlink_to(outside),
    "dangling": lambda name, outside: name.symlink_to(outside / "none"),
    "loop": lambda name, _: name.symlink_to(name.name),
    "hardlink": lambda name, outside: os.link(outside, name),
    "fifo": lambda name, _: os.mkfifo(name),
    "folder": lambda name, _: name.mkdir(),
    "nothing": lambda _name, _outside: None,
}


@pytest.mark.req("I-03")
@pytest.mark.parametrize("kind", sorted(PLANTS))
def test_reading_opens_nothing_but_a_plain_file_of_one_name(kind, spool, requests, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("secret")
    PLANTS[kind](requests / "x.json", outside)

    assert spool.read("x") is None, "neither followed, nor waited for, nor read"


def test_reading_never_takes_more_than_one_byte_past_the_limit(spool, requests):
    (requests / "x.json").write_bytes(b"x" * 10 * INPUT_LIMIT)

    assert INPUT_LIMIT + 1 == len(spool.read("x").raw), "enough to know that it is too much"


def test_reading_a_growing_file_gives_its_age(spool, requests):
    (requests / "x.json").write_bytes(b"{}")
    os.utime(requests / "x.json", (time.time() - 5,) * 2)

    assert 4.5 < spool.read("x").age_s < 60, "seconds since the last change"


def test_a_look_takes_the_oldest_and_no_more_than_a_batch(spool, requests):
    now = time.time()
    for number in range(40 * BATCH):
        (requests / f"r{number}.json").touch()
        os.utime(requests / f"r{number}.json", (now - number * 0.1,) * 2)
    found, ignored = spool.waiting()

    assert [f"r{number}" for number in range(40 * BATCH - 1, 39 * BATCH - 1, -1)] == found, "oldest first"
    assert 0 == ignored, "all are requests"


def test_each_try_is_counted_across_restarts(spool, tmp_path):
    counts = [spool.begin("x"), spool.begin("x"), Spool(tmp_path / "exchange").begin("x")]
    spool.forget("x")

    assert [1, 2, 3, 1] == [*counts, spool.begin("x")], "until it is taken back"


def test_a_result_is_readable_for_the_group_whatever_the_umask(spool, tmp_path):
    before = os.umask(0o777)
    try:
        spool.finish("x", b"{}\n")
    finally:
        os.umask(before)
    info = (tmp_path / "exchange" / "results" / "x.json").stat()

    assert 0o640 == stat.S_IMODE(info.st_mode), "n8n reads it as a member of the group"


@pytest.mark.req("I-03")
def test_a_stale_temporary_result_is_replaced(spool, tmp_path):
    (tmp_path / "exchange" / ".work" / "x.tmp").symlink_to(tmp_path / "victim")
    spool.finish("x", b"{}\n")

    assert not (tmp_path / "victim").exists(), "not written through"
    assert b"{}\n" == (tmp_path / "exchange" / "results" / "x.json").read_bytes(), "and the result is there"


def test_a_sign_of_life_of_somebody_else_is_replaced(spool, tmp_path):
    alive = tmp_path / "exchange" / ".alive"
    spool.touch_alive()
    os.link(alive, tmp_path / "kept")
    first = alive.stat().st_ino
    spool.touch_alive()

    assert (first, 1) != (alive.stat().st_ino, alive.stat().st_nlink), "a file with a second name is not ours any more"
    if os.geteuid() == 0:
        os.chown(alive, 1000, -1)
        spool.touch_alive()
        assert os.geteuid() == alive.stat().st_uid, "nor one of another user"


@pytest.mark.usefixtures("spool")
def test_a_missing_part_of_the_folder_is_made_with_its_mode(tmp_path):
    modes = {part.name: oct(stat.S_IMODE(part.stat().st_mode)) for part in (tmp_path / "exchange").iterdir()}

    assert {"requests": "0o2770", "results": "0o2770", ".work": "0o2700"} == modes, "as README.md says"
