"""Backup sets without Docker: what is damaged is found, what is unfinished counts for nothing, order and number."""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import time

import pytest
from host_scripts import common, sets

SAY = [sys.executable, "-c", "import os, sys; sys.stdout.buffer.write(os.urandom(3000) + b'the end')"]


def made(folder, keep=5, argv=SAY):
    with sets.new(folder, keep) as draft:
        for number in range(3):
            draft.stream(f"{number}.sql.gz", argv, b"the end")
        draft.finish({"databases": []})
    return sets.all_in(folder)[-1]


@pytest.mark.req("F-08")
def test_of_200_flipped_bytes_50_files_gone_and_50_cut_off_every_one_is_found(tmp_path):
    chance = random.Random(8)  # noqa: S311  # places in files
    folder = made(tmp_path)
    sets.checked(folder)
    found = 0
    files = sorted(folder.iterdir())
    for turn in range(300):
        # All files are of a size apart from the two small ones, which matter as much.
        file = files[turn % len(files)]
        whole = file.read_bytes()
        place = chance.randrange(len(whole))
        if turn < 200:
            file.write_bytes(whole[:place] + bytes([whole[place] ^ chance.randint(1, 255)]) + whole[place + 1 :])
        elif turn < 250:
            file.unlink()
        else:
            file.write_bytes(whole[:place])
        with pytest.raises(common.BackupError, match=r"fix: "):
            sets.checked(folder)
        found += 1
        file.write_bytes(whole)
    assert 300 == found and {"databases": []} == sets.checked(folder), "found each time, and good again afterwards"
    (folder / "one-too-many").touch()
    with pytest.raises(common.BackupError, match="one too many"):
        sets.checked(folder)


@pytest.mark.req("S1-65")
def test_a_program_that_fails_says_nothing_or_stops_half_way_makes_no_set_and_costs_no_older_one(tmp_path):
    folder = tmp_path / "sets"
    good = made(folder)
    before = good.stat()
    for code in ("raise SystemExit(3)", "pass", "print('half of it')", "print('the end'); raise SystemExit(1)"):
        with pytest.raises(common.BackupError):
            made(folder, keep=1, argv=[sys.executable, "-c", code])
        assert [good] == sets.all_in(folder) == list(folder.iterdir()), f"{code}: nothing is left of it"
    assert before == good.stat(), "the older one is untouched"
    sets.checked(good)


@pytest.mark.req("S1-65", "FP-03")
def test_as_many_sets_are_kept_as_the_settings_say_and_order_is_not_the_clocks(tmp_path, monkeypatch):
    folder, now = tmp_path / "sets", time.time()
    names = []
    for days in (0, 1, -30, -29, 2):
        monkeypatch.setattr(time, "gmtime", lambda day=days: time.localtime(now + day * 86400))
        names.append(made(folder, keep=3).name)
    assert names[-3:] == [path.name for path in sets.all_in(folder)], "the last three that were made, whatever the date"
    assert names[-1] == sets.chosen(folder, "").name, "the newest is the last one made"
    assert {0o700} == {path.stat().st_mode & 0o777 for path in sets.all_in(folder)}, "a folder for its owner"
    modes = {path.stat().st_mode & 0o777 for one in sets.all_in(folder) for path in one.iterdir()}
    assert {0o600} == modes, "files for their owner"


@pytest.mark.req("S1-65")
def test_on_a_full_disk_a_set_fails_and_older_ones_stay(tmp_path):
    good = made(tmp_path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
        with pytest.raises(OSError, match="File too large"):
            made(tmp_path, keep=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [good] == sets.all_in(tmp_path) == list(tmp_path.iterdir()), "no half of a set, and the good one"
    sets.checked(good)


def test_what_a_killed_run_left_goes_with_the_next_and_never_counts(tmp_path):
    good = made(tmp_path)
    half = tmp_path / "000002-20260101T000000Z.unfinished"
    half.mkdir()
    (half / "0.sql.gz").write_bytes(b"half")
    assert [good] == sets.all_in(tmp_path), "it does not count"
    assert [good, made(tmp_path)] == sorted(tmp_path.iterdir()), "and it goes"


@pytest.mark.req("S1-65", "FP-03")
def test_a_set_can_be_read_without_this_program(tmp_path):
    folder = made(tmp_path)
    for argv in (["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], ["gzip", "--test", "0.sql.gz"]):
        assert 0 == subprocess.run(argv, cwd=folder, check=False).returncode, f"{argv[0]} of any host takes it"


def test_status_names_what_is_too_old_and_what_failed_and_fails_then(host):
    code, _, errors = host.run("status", script="backup.sh", parse=False)
    assert 1 == code and "" == errors, "nothing ran yet"
    for name in ("workflows", "state"):
        common.finish(host.state, name, {"status": "ok"}, time.monotonic())
    assert 0 == host.run("status", script="backup.sh", parse=False)[0], "all is well"
    common.finish(host.state, "workflows", {"status": "error", "exit_code": 2}, time.monotonic())
    code, output, _ = host.run("status", script="backup.sh", parse=False)
    assert 1 == code and "last run: error" in output and "TOO OLD" not in output, "the last one failed"
    (host.state / "results" / "state.json").write_text('{"status": "ok", "last_good": 1}')
    _, output, _ = host.run("status", script="backup.sh", parse=False)
    assert "TOO OLD" in output.splitlines()[1], "and the other was too long ago"
    ahead = int(time.time()) + 86400
    (host.state / "results" / "state.json").write_text(f'{{"status": "ok", "last_good": {ahead}}}')
    code, output, _ = host.run("status", script="backup.sh", parse=False)
    assert 1 == code and "IN THE FUTURE" in output.splitlines()[1], "a clock that was wrong hides nothing"
    common.finish(host.state, "workflows", {"status": "ok"}, time.monotonic())
    common.finish(host.state, "state", {"status": "ok"}, time.monotonic())
    code, output, _ = host.run("status", script="backup.sh", parse=False, COPIES="registry=/v:a")
    assert 0 == code and "copies     last good: never" in output, "what is due later has not run in the first days"
    (host.state / "results" / "state.json").write_text(
        f'{{"status": "ok", "last_good": {int(time.time())}, "since": 1}}'
    )
    assert 1 == host.run("status", script="backup.sh", parse=False, COPIES="registry=/v:a")[0], "after these it has to"


@pytest.mark.parametrize(
    "env",
    [{"PG_SERVERS": "db"}, {"PG_SERVERS": "=postgres"}, {"PG_KEEP": "0"}, {"PG_KEEP": "many"}, {"COPIES": "registry"}],
    ids=str,
)
def test_a_setting_that_is_none_is_named_before_anything_is_done(host, env):
    code, _, errors = host.run("databases", script="backup.sh", parse=False, **env)
    assert 2 == code and next(iter(env)) in errors and "\nfix: " in errors, errors
    assert not host.state.exists(), "nothing was done"


def test_a_folder_that_cannot_be_written_is_an_error_of_two_lines(host):
    blocked = host.fake / "a-file"
    blocked.touch()
    for script, words in (("backup-n8n-workflows.sh", ()), ("backup.sh", ("databases",))):
        code, _, errors = host.run(*words, script=script, parse=False, BACKUP_DIR=str(blocked / "x"))
        assert code and "\nfix: " in errors and "Traceback" not in errors, errors
    assert os.access(blocked, os.R_OK), "it is there as it was"
