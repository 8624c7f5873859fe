"""Databases of a real PostgreSQL: dumped, lost, restored on a new server, drilled; dumps that are damaged or killed."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import campaign
from tests.support.containers import docker
from tests.support.waits import until

pytestmark = pytest.mark.docker

CONTENTS = Path(__file__).with_name("contents.sql").read_text(encoding="utf-8")


@pytest.fixture
def filled(server):
    server.sql(CONTENTS)
    server.sql("CREATE TABLE notes AS SELECT n, 'a text' AS text FROM generate_series(1, 50) n", "we'ird=x")
    return server


@pytest.mark.req("S1-65", "FP-03")
def test_what_a_server_held_is_on_a_new_one_after_one_command_and_nothing_is_overwritten_unasked(host, filled):
    before = filled.all()
    assert len(before) > 40 and any(line.startswith("7001|app_owner") for line in before), "there is something to lose"
    line = host.run("databases")
    done = line["servers"][filled.container]
    assert 2 == done["databases"] and done["stored"] < done["bytes"], "both databases, compressed"
    text = "".join(
        gzip.decompress(path.read_bytes()).decode() for path in host.backups.rglob("*.gz") if "roles" in path.name
    )
    assert "c4nary-of-app" not in text and "only-of-this-server" not in text, "no password in clear"
    manual = docker("exec", filled.container, "pg_dump", "-U", "postgres", "postgres")
    assert "PostgreSQL database dump complete" in manual, "and by hand, as anybody would"

    filled.new()
    line = host.run("restore", "databases", filled.container)
    assert ("ok", 2) == (line["status"], line["databases"]), "one command"
    assert before == filled.all(), "rows, sequences, large objects, roles, rights, settings: everything"
    assert ["postgres", "we'ird=x"] == filled.databases(), "no draft is left"

    filled.sql("INSERT INTO \"of app\".parents (name) VALUES ('later')")
    later = filled.all()
    errors = host.run("restore", "databases", filled.container, code=1)
    assert "holds" in errors and "--replace" in errors, "it says what would be lost, and the word for it"
    assert later == filled.all(), "nothing was touched"
    # One of its users is connected, and tries again at once when it is thrown out.
    forever = "while :; do psql -U app postgres -c 'SELECT pg_sleep(9)'; done"
    argv = ["docker", "exec", filled.container, "sh", "-c", forever]
    with subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as user:
        busy = "SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'"
        until(lambda: filled.sql(busy) == "1", "somebody is connected")
        host.run("restore", "databases", filled.container, "--replace", "--database", "postgres")
        user.kill()
    assert before == filled.all(), "asked for by its word, all is as in the dump"


@pytest.mark.req("S1-65")
def test_a_damaged_dump_is_found_before_anything_is_touched_and_a_broken_one_replaces_nothing(host, filled):
    host.run("databases")
    before = filled.all()
    folder = next((host.backups / "databases" / filled.container).iterdir())
    dump = folder / "postgres.sql.gz"
    whole = dump.read_bytes()
    dump.write_bytes(whole[:900] + bytes([whole[900] ^ 1]) + whole[901:])
    errors = host.run("restore", "databases", filled.container, "--replace", code=1)
    assert "damaged" in errors and before == filled.all(), "not one byte reaches the server"
    assert "damaged" in host.run("verify", code=1), "the drill finds it too"
    # A dump whose checksum is right and which PostgreSQL refuses: somebody made it so.
    sql = gzip.decompress(whole).replace(b"CREATE TABLE", b"CREATE TABEL", 1)
    dump.write_bytes(gzip.compress(sql))
    argv = ["sha256sum", *(path.name for path in folder.glob("*.[gjs]*"))]
    (folder / "SHA256SUMS").write_bytes(subprocess.run(argv, cwd=folder, capture_output=True, check=True).stdout)
    errors = host.run("restore", "databases", filled.container, "--replace", code=1)
    assert "syntax error" in errors and before == filled.all(), "what cannot be loaded replaces nothing"
    assert "syntax error" in host.run("verify", code=1), "a drill is a restore"


@pytest.mark.req("S1-65", "F-13")
def test_the_drill_restores_the_newest_dump_into_a_container_of_its_own_and_leaves_nothing(host, filled):
    host.run("databases")
    before = filled.all()
    line = host.run("verify")
    drill = line["servers"][filled.container]
    assert 2 == drill["databases"] and drill["age_hours"] < 1, "of the newest set"
    contents = drill["contents"]["postgres"]
    assert (3, 1, 1004) == (contents["tables"], contents["large_objects"], contents["rows"] + 1), "what is in it"
    assert before == filled.all(), "the server is as it was"
    assert "" == docker("ps", "--all", "--quiet", "--filter", f"name=homeport-drill-{filled.container}"), "it is gone"
    result = json.loads((host.backups / "results" / "verify.json").read_text())
    assert result["servers"] == line["servers"] and result["finished"] == result["last_good"], "a figure for others"
    host.run("databases")
    old = {**result, "last_good": result["finished"] - 9 * 86400}
    (host.backups / "results" / "verify.json").write_text(json.dumps(old))
    process = host.popen("status")
    output, _ = process.communicate()
    assert 1 == process.returncode and "TOO OLD" in next(line for line in output.splitlines() if "verify" in line), (
        "a drill that is older than eight days is said"
    )


@pytest.mark.req("S1-65", "FP-03")
def test_a_server_that_does_not_answer_fails_the_run_and_the_others_are_dumped(host, filled):
    host.settings["PG_SERVERS"] = f"nowhere=postgres {filled.container}=postgres"
    errors = host.run("databases", code=1)
    assert "nowhere" in errors and "fix: " in errors, "it is named"
    sets = list((host.backups / "databases" / filled.container).iterdir())
    assert 1 == len(sets), "the other one is in place"
    result = json.loads((host.backups / "results" / "databases.json").read_text())
    assert ("error", None) == (result["status"], result["last_good"]), "and the run does not count as good"


def lasted(host, *words):
    """Seconds of a run that went well: kills are dealt over all of it, on a slow machine too."""
    started = time.monotonic()
    host.run(*words)
    return time.monotonic() - started


@pytest.mark.campaign
@pytest.mark.req("F-09")
def test_a_kill_at_any_moment_leaves_earlier_dumps_and_the_server_as_they_were(host, filled):
    chance = campaign.chance("kills of a backup")
    # Some kills come late: none of these sets pushes out the first one.
    host.settings["PG_KEEP"] = "99"
    backup = lasted(host, "databases")
    before = filled.all()
    first = [*(host.backups / "databases" / filled.container).glob("000001-*")]
    hits = 0
    for _ in range(campaign.size("kills of a backup")):
        hit = host.killed(chance.uniform(0.05, 1.1) * backup, "databases")
        hits += hit
        # The first one may have been slower than these are.
        backup *= 1 if hit else 0.7
    assert hits, "some were under way"
    assert first[0].is_dir(), "the first one is there"
    again = ("restore", "databases", filled.container, "--replace", "--set", first[0].name)
    restore = lasted(host, *again)
    for _ in range(campaign.size("kills of a restore")):
        host.killed(chance.uniform(0.05, 1.1) * restore, *again)
        # The next one goes through.
        host.run(*again)
        assert before == filled.all(), "and nothing is lost, and no draft is left"
    line = host.run("databases")
    names = {path.name for path in (host.backups / "databases" / filled.container).iterdir()}
    assert max(names) == line["servers"][filled.container]["set"], "and neither is a half of a set"
    host.run("verify")


@pytest.mark.req("S1-65")
def test_what_a_killed_restore_left_at_work_is_ended_by_the_next_one(host, filled):
    host.run("databases")
    before = filled.all()
    psql = ("psql", "-XqAt", "-U", "postgres", "-d", "template1")
    named = ["docker", "exec", "-i", "--env", "PGAPPNAME=homeport-restore", filled.container, *psql]
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
    with subprocess.Popen(
        ["docker", "exec", "-i", filled.container, *psql], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        other.stdin.write("SELECT pg_advisory_lock(1);\n\\echo locked\n")
        other.stdin.flush()
        until(lambda: "locked" in other.stdout.readline(), "somebody else is at work")
        draft = ("-c", "SELECT pg_advisory_lock(1)", "-c", "CREATE DATABASE homeport_restored_0badc0de")
        with subprocess.Popen([*named, *draft], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as left:
            until(lambda: filled.sql(waiting) == "1", "a killed restore's session is in the middle of something")
            host.run("restore", "databases", filled.container, "--replace")
            other.communicate()
            _, errors = left.communicate()
    assert b"terminating connection" in errors, "it was ended"
    assert before == filled.all(), "and nothing of it came after the restore that went through"


SLOW = """#!/bin/sh
# Docker's client, which begins late where it is told so.
case " $* " in *" psql "*)
  echo "$*" >> {folder}/calls
  if [ "$(wc -l < {folder}/calls)" = "$LATE" ]; then
    echo > {folder}/waits
    read -r _ < {folder}/go
    {docker} "$@"
    echo > {folder}/ended
    exit
  fi ;;
esac
exec {docker} "$@"
"""


def slow(host, folder, restore):
    """A client of Docker's that begins late where LATE says so; the host's runs have it from now on.

    Its folder; and, of the calls of a restore, the number of the one that loads the draft.
    """
    folder = folder / "slow"
    folder.mkdir()
    (folder / "docker").write_text(SLOW.format(folder=folder, docker=shutil.which("docker")))
    (folder / "docker").chmod(0o755)
    os.mkfifo(folder / "go")
    host.settings["PATH"] = f"{folder}:{os.environ['PATH']}"
    host.run(*restore)
    calls = (folder / "calls").read_text().splitlines()
    (load,) = [number for number, call in enumerate(calls, 1) if "homeport_restored_" in call]
    return folder, load


@pytest.mark.req("S1-65")
def test_a_restore_that_is_told_to_end_opens_the_database_again(host, filled, tmp_path):
    """While sessions end, nobody may connect: an application that stays shut out has lost its data all the same."""
    host.run("databases")
    before = filled.all()
    again = ("restore", "databases", filled.container, "--replace", "--database", "postgres")
    folder, load = slow(host, tmp_path, again)
    for name in ("calls", "waits"):
        (folder / name).unlink(missing_ok=True)
    # The one after the database was shut: it ends sessions.
    host.settings["LATE"] = str(load + 2)
    process = host.popen(*again)
    until((folder / "waits").exists, "it is in the middle")
    shut = filled.sql("SELECT count(*) FROM pg_database WHERE NOT datallowconn AND NOT datistemplate", "template1")
    del host.settings["LATE"]
    process.terminate()
    process.communicate()

    assert "1" == shut, "what is tried here happens"
    assert before == filled.all(), "it is as it was, and open, and no draft is left"


@pytest.mark.req("S1-65")
def test_a_database_that_allows_no_connections_is_told_for_no_backup_has_it(host, filled):
    filled.sql("CREATE DATABASE shut")
    filled.sql("ALTER DATABASE shut WITH ALLOW_CONNECTIONS false")
    try:
        failed = host.run("databases", code=1)
        sets = sorted((host.backups / "databases" / filled.container).iterdir())
    finally:
        filled.sql("DROP DATABASE shut")

    assert "in no backup, for they allow no connections: shut" in failed, failed
    assert any("postgres" in path.name for path in sets[-1].iterdir()), "the others are"


@pytest.mark.req("S1-65")
def test_what_begins_after_its_restore_was_killed_does_nothing(host, filled, tmp_path):
    host.run("databases")
    before = filled.all()
    again = ("restore", "databases", filled.container, "--replace", "--database", "postgres")
    folder, load = slow(host, tmp_path, again)
    # The one that makes the draft, and the one that shuts the database that will be replaced.
    for late in (load - 1, load + 1):
        for name in ("calls", "waits", "ended"):
            (folder / name).unlink(missing_ok=True)
        host.settings["LATE"] = str(late)
        process = host.popen(*again)
        until((folder / "waits").exists, "a call is late")
        process.kill()
        process.communicate()
        del host.settings["LATE"]
        host.run(*again)
        (folder / "go").write_text("now\n")
        until((folder / "ended").exists, "it has begun, and ended")
        assert "0" == filled.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name ~ '^homeport'")
        assert before == filled.all(), f"call {late} came after the next run, and changed nothing"
